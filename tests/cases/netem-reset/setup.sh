ip netns add a
ip netns exec a sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
ip -n a link set lo up
ip netns add b
ip netns exec b sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
ip -n b link set lo up
ip -n a link add e0 address 02:00:00:00:09:01 type veth peer name e0 address 02:00:00:00:09:02 netns b
ip -n a link set e0 up
ip -n b link set e0 up
ip -n a addr add 10.0.9.1/24 dev e0
ip -n b addr add 10.0.9.2/24 dev e0
ip -n a neigh add 10.0.9.2 lladdr 02:00:00:00:09:02 dev e0 nud permanent
ip -n b neigh add 10.0.9.1 lladdr 02:00:00:00:09:01 dev e0 nud permanent
ip netns exec a sysctl -qw net.ipv4.tcp_timestamps=0 net.ipv4.conf.all.rp_filter=0 net.ipv4.tcp_ecn=0
ip netns exec b sysctl -qw net.ipv4.tcp_timestamps=0 net.ipv4.conf.all.rp_filter=0 net.ipv4.tcp_ecn=0
tc -n a qdisc add dev e0 root handle 1: netem delay 3s
