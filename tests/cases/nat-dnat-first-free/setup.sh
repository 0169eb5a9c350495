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
ip -n r neigh add 10.0.1.4 lladdr 02:00:00:00:01:04 dev c0 nud permanent
ip netns exec r iptables -t nat -A PREROUTING -d 10.96.0.0/16 -p udp --dport 53 -j DNAT --to-destination 10.0.2.2:5000-5100
ip netns exec r iptables -t nat -A PREROUTING -d 10.96.0.0/16 -p udp --dport 54 -j REDIRECT --to-ports 6000-6100
ip netns exec r iptables -t nat -A PREROUTING -d 10.96.0.0/16 -p udp --dport 55 -j DNAT --to-destination 10.0.2.3:7000-7000
ip netns exec r iptables -t raw -A PREROUTING -p icmp -m icmp --icmp-type 8 -m statistic --mode nth --every 2 --packet 0 -j ACCEPT
ip netns exec r iptables -t raw -A PREROUTING -p icmp -j CT --zone-orig 6
