ip netns add r
ip netns add x
ip netns add m
ip netns exec r sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
ip netns exec x sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
ip netns exec m sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
ip netns exec r sysctl -qw net.ipv4.icmp_echo_ignore_broadcasts=0
ip netns exec m sysctl -qw net.ipv4.icmp_echo_ignore_broadcasts=0
ip -n r link add p1 address 02:00:00:00:01:01 type veth peer name xp1 address 02:ff:00:00:00:01 netns x
ip -n x link set xp1 up
ip -n r link set p1 up
ip -n r addr add 10.0.1.1/24 brd + dev p1
ip -n r link add m0 link p1 address 02:00:00:00:01:0b type macvlan mode bridge
ip -n r link set m0 netns m
ip -n m link set m0 up
ip -n m addr add 10.0.1.11/24 brd + dev m0
ip -n r neigh add 10.0.1.2 lladdr 02:00:00:00:01:02 dev p1 nud permanent
ip -n m neigh add 10.0.1.2 lladdr 02:00:00:00:01:02 dev m0 nud permanent
