ip netns add r
ip netns exec r sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
ip -n r link set lo up
ip netns add x
ip netns exec x sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
ip -n x link set lo up
ip netns exec r sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0
ip netns exec r sysctl -qw net.ipv4.conf.default.igmpv3_unsolicited_report_interval=4 net.ipv4.conf.default.igmpv2_unsolicited_report_interval=4
ip -n r link add c0 address 02:00:00:00:01:01 type veth peer name xc0 address 02:ff:00:00:00:01 netns x
ip -n x link set xc0 up
ip -n r link set c0 up
ip -n r addr add 10.0.1.1/24 dev c0
