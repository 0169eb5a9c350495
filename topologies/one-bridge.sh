# Two hosts on a bridge, as two pods on a node.
#
#        a eth0 10.0.0.1/24 ──── p0 ┐
#                                   ├ br0 in sw
#        b eth0 10.0.0.2/24 ──── p1 ┘
#
# try: ip netns exec a ping -c 1 10.0.0.2
# try: bridge -n sw fdb show br br0

ip netns add sw
ip -n sw link add br0 type bridge
ip -n sw link set br0 up
for host in a b; do
    ip netns add $host
    ip -n $host link set lo up
done
ip -n sw link add p0 type veth peer name eth0 netns a
ip -n sw link add p1 type veth peer name eth0 netns b
ip -n sw link set p0 master br0 up
ip -n sw link set p1 master br0 up
ip -n a addr add 10.0.0.1/24 dev eth0
ip -n b addr add 10.0.0.2/24 dev eth0
ip -n a link set eth0 up
ip -n b link set eth0 up
