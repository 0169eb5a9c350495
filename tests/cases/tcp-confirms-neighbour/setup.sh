ip netns add r
ip netns exec r sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
ip netns add b
ip netns exec b sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
ip netns exec r sysctl -qw net.ipv4.tcp_timestamps=0
ip netns exec b sysctl -qw net.ipv4.tcp_timestamps=0
ip -n r link add w0 address 02:00:00:00:14:01 type veth peer name w0 address 02:00:00:00:14:02 netns b
ip -n r link set w0 up
ip -n b link set w0 up
ip -n r addr add 10.0.20.1/24 dev w0
ip -n b addr add 10.0.20.2/24 dev w0
