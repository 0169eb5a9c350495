ip netns add n
ip netns exec n sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
ip -n n link set lo up
ip netns add x
ip netns exec x sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
ip -n x link set lo up
ip netns exec n sysctl -qw net.bridge.bridge-nf-call-iptables=0
ip netns exec n sysctl -qw net.ipv4.conf.default.igmpv3_unsolicited_report_interval=4 net.ipv4.conf.default.igmpv2_unsolicited_report_interval=4
ip -n n link add p1 address 02:0b:00:00:00:01 type veth peer name xp1 address 02:ff:00:00:00:01 netns x
ip -n x link set xp1 up
ip -n n link set p1 up
