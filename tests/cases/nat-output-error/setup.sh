ip netns add a
ip netns exec a sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
ip -n a link set lo up
ip netns exec a sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0 net.ipv4.tcp_timestamps=0
ip netns add r
ip netns exec r sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
ip -n r link set lo up
ip netns exec r sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0 net.ipv4.tcp_timestamps=0
ip netns add b
ip netns exec b sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
ip -n b link set lo up
ip netns exec b sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0 net.ipv4.tcp_timestamps=0
ip netns exec r sysctl -qw net.ipv4.ip_forward=1
ip -n r link add c0 address 02:00:00:00:01:01 type veth peer name e0 address 02:00:00:00:01:02 netns a
ip -n r link add s0 address 02:00:00:00:02:01 type veth peer name e0 address 02:00:00:00:02:02 netns b
ip -n r link set c0 up
ip -n r addr add 10.0.1.1/24 dev c0
ip -n r link set s0 up
ip -n r addr add 10.0.2.1/24 dev s0
ip -n a link set e0 up
ip -n a addr add 10.0.1.2/24 dev e0
ip -n b link set e0 up
ip -n b addr add 10.0.2.2/24 dev e0
ip -n r neigh add 10.0.1.2 lladdr 02:00:00:00:01:02 dev c0 nud permanent
ip -n r neigh add 10.0.2.2 lladdr 02:00:00:00:02:02 dev s0 nud permanent
ip -n a neigh add 10.0.1.1 lladdr 02:00:00:00:01:01 dev e0 nud permanent
ip -n b neigh add 10.0.2.1 lladdr 02:00:00:00:02:01 dev e0 nud permanent
ip -n a route add default via 10.0.1.1
ip -n b route add default via 10.0.2.1
ip netns exec a iptables -t nat -A OUTPUT -d 10.96.0.1 -p tcp -j DNAT --to-destination 10.0.2.2:8080
ip netns exec a iptables -A INPUT -m conntrack --ctstate RELATED --ctorigdst 10.96.0.1
ip netns exec b iptables -A INPUT -p tcp -j REJECT
