ip netns add r
ip netns add x
ip netns exec r sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
ip netns exec x sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
ip -n r link add p1 address 02:00:00:00:01:01 type veth peer name xp1 address 02:ff:00:00:00:01 netns x
ip -n r link add p2 address 02:00:00:00:02:01 type veth peer name xp2 address 02:ff:00:00:00:02 netns x
ip -n x link set xp1 up
ip -n x link set xp2 up
ip -n r link set p1 up
ip -n r link set p2 up
ip -n r addr add 10.0.1.1/24 dev p1
ip -n r addr add 10.0.2.1/24 dev p2
ip -n r route add 10.50.0.0/24 nexthop via 10.0.2.3 dev p2 nexthop via 10.0.1.5 dev p1
