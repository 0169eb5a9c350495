ip netns add n
ip netns exec n sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
ip -n n link set lo up
ip netns add x
ip netns exec x sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
ip -n x link set lo up
ip -n n link add c0 address 02:00:00:00:01:01 type veth peer name xc0 address 02:ff:00:00:00:01 netns x
ip -n x link set xc0 up
ip -n n link set c0 up
ip -n n addr add 10.0.1.1/24 dev c0
ip -n n link add s0 address 02:00:00:00:02:01 type veth peer name xs0 address 02:ff:00:00:00:02 netns x
ip -n x link set xs0 up
ip -n n link set s0 up
ip -n n addr add 10.0.2.1/24 dev s0
ip -n n link add vx0 address 02:00:00:00:05:01 type vxlan id 42 dstport 8472 local 10.0.2.1
ip -n n link set vx0 up
ip -n n link add br0 address 02:00:00:00:03:01 type bridge mcast_snooping 0
ip -n n link add p0 address 02:0b:00:00:00:01 type veth peer name xp0 address 02:ff:00:00:00:03 netns x
ip -n x link set xp0 up
ip -n n link set p0 master br0
ip -n n link set p0 up
ip -n n link set br0 up
