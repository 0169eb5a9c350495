ip netns add n
ip netns exec n sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
ip -n n link set lo up
ip netns add a
ip netns exec a sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
ip -n a link set lo up
ip netns add b
ip netns exec b sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
ip -n b link set lo up
ip netns add x
ip netns exec x sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
ip -n x link set lo up
ip netns exec n sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0
ip netns exec a sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0
ip netns exec b sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0
ip -n n link add e0 address 02:00:00:00:01:01 type veth peer name xe0 address 02:ff:00:00:00:01 netns x
ip -n x link set xe0 up
ip -n n link set e0 up
ip -n n addr add 10.0.1.1/24 dev e0
ip -n n link add a0 link e0 address 02:0d:00:00:00:01 type macvlan mode bridge
ip -n n link set a0 netns a
ip -n a link set a0 up
ip -n a addr add 10.0.1.11/24 dev a0
ip -n n link add b0 link e0 address 02:0d:00:00:00:02 type macvlan mode bridge
ip -n n link set b0 netns b
ip -n b link set b0 up
ip -n b addr add 10.0.1.12/24 dev b0
ip -n n neigh add 10.0.1.2 lladdr 02:00:00:00:01:02 dev e0 nud permanent
ip -n a neigh add 10.0.1.2 lladdr 02:00:00:00:01:02 dev a0 nud permanent
