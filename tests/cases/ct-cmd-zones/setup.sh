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
ip -n r neigh add 10.0.2.2 lladdr 02:00:00:00:02:02 dev s0 nud permanent
ip -n r neigh add 10.0.2.3 lladdr 02:00:00:00:02:03 dev s0 nud permanent
ip netns exec r iptables -t raw -A PREROUTING -s 10.0.1.3 -j CT --zone 5
ip netns exec r iptables -t nat -A POSTROUTING -o s0 -j SNAT --to-source 10.0.2.9
ip netns exec r iptables -A FORWARD -m conntrack --ctstate NEW -m comment --comment new
ip netns exec r iptables -A FORWARD -m conntrack --ctstate ESTABLISHED -m comment --comment established
ip netns exec r iptables -A FORWARD -m conntrack --ctstate RELATED -m comment --comment related
ip netns exec r iptables -A FORWARD -m conntrack --ctstate INVALID -m comment --comment invalid
ip netns exec r iptables -A FORWARD -m conntrack --ctstate UNTRACKED -m comment --comment untracked
