ip netns add n
ip netns exec n sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
ip -n n link set lo up
ip netns add x
ip netns exec x sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
ip -n x link set lo up
ip netns exec n sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0
ip -n n link add s0 address 02:00:00:00:02:01 type veth peer name xs0 address 02:ff:00:00:00:02 netns x
ip -n x link set xs0 up
ip -n n link set s0 up
ip -n n addr add 10.0.2.1/24 dev s0
ip -n n link add vx0 address 02:00:00:00:05:01 type vxlan id 42 dstport 8472 local 10.0.2.1
ip -n n link set vx0 up
ip -n n link add br0 address 02:00:00:00:01:01 type bridge mcast_snooping 0
ip -n n link set br0 up
ip -n n link add vx1 address 02:00:00:00:05:02 type vxlan id 43 dstport 8472 local 10.0.2.1 remote 10.0.2.8
ip -n n link set vx1 master br0
ip -n n link set vx1 up
