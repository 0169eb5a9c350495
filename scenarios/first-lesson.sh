# Two network namespaces, one wire between them: what every container network is made of.
ip netns add net1
ip netns add net2
ip link add name veth1 type veth peer name veth2
ip link set veth1 netns net1
ip link set veth2 netns net2
ip netns exec net1 ip link set veth1 up
ip netns exec net2 ip link set veth2 up
ip netns exec net1 ip addr add 20.1.1.1/24 dev veth1
ip netns exec net2 ip addr add 20.1.1.2/24 dev veth2
ip netns exec net1 ping -c 3 20.1.1.2
