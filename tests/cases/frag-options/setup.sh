ip netns add r
ip netns exec r sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
ip netns add x
ip netns exec x sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
ip -n r link add p3 address 02:00:00:00:03:01 type veth peer name xp3 address 02:ff:00:00:00:03 netns x
ip -n x link set xp3 up
ip -n r link set p3 up
ip -n r addr add 10.0.3.1/24 dev p3
ip -n r neigh add 10.0.3.2 lladdr 02:00:00:00:03:02 dev p3 nud permanent
