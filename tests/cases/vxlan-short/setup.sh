ip netns add n
ip netns exec n sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
ip netns exec n sysctl -qw net.bridge.bridge-nf-call-iptables=0 net.bridge.bridge-nf-call-ip6tables=0 net.bridge.bridge-nf-call-arptables=0
ip -n n link set lo up
ip netns add x
ip netns exec x sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
ip -n x link set lo up
ip netns exec n sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0
ip -n n link add br0 address 02:00:00:00:01:01 type bridge mcast_snooping 0
ip -n n link add p1 address 02:0b:00:00:00:01 type veth peer name xp1 address 02:ff:00:00:00:01 netns x
ip -n x link set xp1 up
ip -n n link set p1 up
ip -n n link set p1 master br0
ip -n n link add s0 address 02:00:00:00:02:01 type veth peer name xs0 address 02:ff:00:00:00:02 netns x
ip -n x link set xs0 up
ip -n n link set s0 up
ip -n n addr add 10.0.2.1/24 dev s0
ip -n n neigh add 10.0.2.2 lladdr 02:00:00:00:02:02 dev s0 nud permanent
ip -n n neigh add 10.0.2.3 lladdr 02:00:00:00:02:03 dev s0 nud permanent
ip -n n link add vx0 address 02:0b:00:00:00:09 type vxlan id 42 dstport 4789 local 10.0.2.1 srcport 50000 50001
ip -n n link set vx0 master br0
ip -n n link set vx0 up
ip -n n link set br0 up
bridge -n n fdb append 00:00:00:00:00:00 dev vx0 dst 10.0.2.2
bridge -n n fdb append 00:00:00:00:00:00 dev vx0 dst 10.0.2.3
