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
ip netns exec r iptables -A FORWARD -m conntrack --ctstatus SEEN_REPLY -m comment --comment "--ctstatus SEEN_REPLY"
ip netns exec r iptables -A FORWARD -m conntrack --ctstatus ASSURED -m comment --comment "--ctstatus ASSURED"
ip netns exec r iptables -A FORWARD -m conntrack --ctstatus CONFIRMED -m comment --comment "--ctstatus CONFIRMED"
ip netns exec r iptables -A FORWARD -m conntrack --ctstatus NONE -m comment --comment "--ctstatus NONE"
ip netns exec r iptables -A FORWARD -m conntrack ! --ctstatus SEEN_REPLY -m comment --comment "not --ctstatus SEEN_REPLY"
ip netns exec r iptables -A FORWARD -m conntrack --ctproto udp -m comment --comment "--ctproto udp"
ip netns exec r iptables -A FORWARD -m conntrack ! --ctproto 17 -m comment --comment "not --ctproto 17"
ip netns exec r iptables -A FORWARD -m conntrack --ctexpire 0:29 -m comment --comment "--ctexpire 0:29"
ip netns exec r iptables -A FORWARD -m conntrack --ctexpire 30 -m comment --comment "--ctexpire 30"
ip netns exec r iptables -A FORWARD -m conntrack --ctexpire 100:200 -m comment --comment "--ctexpire 100:200"
ip netns exec r iptables -A FORWARD -m conntrack --ctdir ORIGINAL -m comment --comment "--ctdir ORIGINAL"
ip netns exec r iptables -A FORWARD -m conntrack --ctdir REPLY -m comment --comment "--ctdir REPLY"
ip netns exec r iptables -A FORWARD -m conntrack --ctorigsrc 10.0.1.0/24 -m comment --comment "--ctorigsrc 10.0.1.0/24"
ip netns exec r iptables -A FORWARD -m conntrack ! --ctorigdst 10.0.2.2 -m comment --comment "not --ctorigdst 10.0.2.2"
ip netns exec r iptables -A FORWARD -m conntrack --ctreplsrc 10.0.2.2 -m comment --comment "--ctreplsrc 10.0.2.2"
ip netns exec r iptables -A FORWARD -m conntrack --ctrepldst 10.0.1.2 -m comment --comment "--ctrepldst 10.0.1.2"
ip netns exec r iptables -A FORWARD -m conntrack --ctorigsrcport 5000:5001 -m comment --comment "--ctorigsrcport 5000:5001"
ip netns exec r iptables -A FORWARD -m conntrack --ctorigdstport 53 -m comment --comment "--ctorigdstport 53"
ip netns exec r iptables -A FORWARD -m conntrack --ctreplsrcport 53 -m comment --comment "--ctreplsrcport 53"
ip netns exec r iptables -A FORWARD -m conntrack ! --ctrepldstport 5000 -m comment --comment "not --ctrepldstport 5000"
ip netns exec r iptables -A FORWARD -m conntrack --ctstate NEW,RELATED -m comment --comment "--ctstate NEW,RELATED"
ip netns exec r iptables -A FORWARD -m conntrack ! --ctstate NEW,RELATED -m comment --comment "not --ctstate NEW,RELATED"
ip netns exec r iptables -A FORWARD -m conntrack --ctstate ESTABLISHED --ctdir REPLY -m comment --comment "--ctstate ESTABLISHED --ctdir REPLY"
