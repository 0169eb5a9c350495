ip netns add r
ip netns exec r sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
ip netns add x
ip netns exec x sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
ip -n r link set lo up
ip -n r link add c0 address 02:00:00:00:01:01 type veth peer name xc0 address 02:ff:00:00:01:00 netns x
ip -n r link add s0 address 02:00:00:00:02:01 type veth peer name xs0 address 02:ff:00:00:02:00 netns x
ip -n x link set xc0 up
ip -n x link set xs0 up
ip -n r link set c0 up
ip -n r link set s0 up
ip -n r addr add 10.0.1.1/24 dev c0
ip -n r addr add 10.0.2.1/24 dev s0
ip -n r neigh add 10.0.1.2 lladdr 02:00:00:00:01:02 dev c0 nud permanent
ip -n r neigh add 10.0.1.3 lladdr 02:00:00:00:01:03 dev c0 nud permanent
ip -n r neigh add 10.0.1.4 lladdr 02:00:00:00:01:04 dev c0 nud permanent
ip -n r neigh add 10.0.1.5 lladdr 02:00:00:00:01:05 dev c0 nud permanent
ip -n r neigh add 10.0.2.2 lladdr 02:00:00:00:02:02 dev s0 nud permanent
ip -n r neigh add 10.0.2.3 lladdr 02:00:00:00:02:03 dev s0 nud permanent
ip -n r neigh add 10.0.2.4 lladdr 02:00:00:00:02:04 dev s0 nud permanent
ip netns exec r sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.send_redirects=0 net.ipv4.conf.default.send_redirects=0
ip netns exec r sysctl -qw net.ipv4.conf.c0.send_redirects=0 net.ipv4.icmp_ratemask=0
ip netns exec r iptables -A FORWARD -m conntrack --ctstate INVALID
ip netns exec r iptables -t nat -A POSTROUTING -o s0 -j MASQUERADE
