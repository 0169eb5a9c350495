ip netns add r
ip netns exec r sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
ip -n r link set lo up
ip netns add x
ip netns exec x sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
ip -n x link set lo up
ip netns exec r sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0
ip netns exec r sysctl -qw net.ipv4.ip_forward=1
ip -n r link add c0 address 02:00:00:00:01:01 type veth peer name xc0 address 02:ff:00:00:00:01 netns x
ip -n x link set xc0 up
ip -n r link set c0 up
ip -n r addr add 10.0.1.1/24 dev c0
ip -n r link add s0 address 02:00:00:00:02:01 type veth peer name xs0 address 02:ff:00:00:00:02 netns x
ip -n x link set xs0 up
ip -n r link set s0 up
ip -n r addr add 10.0.2.1/24 dev s0
ip -n r neigh add 10.0.1.2 lladdr 02:00:00:00:01:02 dev c0 nud permanent
ip -n r neigh add 10.0.1.3 lladdr 02:00:00:00:01:03 dev c0 nud permanent
ip -n r neigh add 10.0.1.4 lladdr 02:00:00:00:01:04 dev c0 nud permanent
ip -n r neigh add 10.0.1.5 lladdr 02:00:00:00:01:05 dev c0 nud permanent
ip -n r neigh add 10.0.1.6 lladdr 02:00:00:00:01:06 dev c0 nud permanent
ip -n r neigh add 10.0.1.7 lladdr 02:00:00:00:01:07 dev c0 nud permanent
ip -n r neigh add 10.0.1.8 lladdr 02:00:00:00:01:08 dev c0 nud permanent
ip -n r neigh add 10.0.2.2 lladdr 02:00:00:00:02:02 dev s0 nud permanent
ip -n r neigh add 10.0.2.3 lladdr 02:00:00:00:02:03 dev s0 nud permanent
ip -n r neigh add 10.0.2.4 lladdr 02:00:00:00:02:04 dev s0 nud permanent
ip -n r neigh add 10.0.2.5 lladdr 02:00:00:00:02:05 dev s0 nud permanent
ip -n r neigh add 10.0.2.6 lladdr 02:00:00:00:02:06 dev s0 nud permanent
ip -n r neigh add 10.0.2.7 lladdr 02:00:00:00:02:07 dev s0 nud permanent
ip -n r neigh add 10.0.2.8 lladdr 02:00:00:00:02:08 dev s0 nud permanent
ip netns exec r iptables -A FORWARD -s 10.0.1.2 -j REJECT --reject-with icmp-net-unreachable
ip netns exec r iptables -A FORWARD -s 10.0.1.3 -j REJECT --reject-with icmp-host-unreachable
ip netns exec r iptables -A FORWARD -s 10.0.1.4 -j REJECT --reject-with icmp-port-unreachable
ip netns exec r iptables -A FORWARD -s 10.0.1.5 -j REJECT --reject-with icmp-proto-unreachable
ip netns exec r iptables -A FORWARD -s 10.0.1.6 -j REJECT --reject-with icmp-net-prohibited
ip netns exec r iptables -A FORWARD -s 10.0.1.7 -j REJECT --reject-with icmp-host-prohibited
ip netns exec r iptables -A FORWARD -s 10.0.1.8 -j REJECT --reject-with icmp-admin-prohibited
