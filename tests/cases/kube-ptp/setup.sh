sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
ip link add name br0 type bridge mcast_snooping 0
ip link set dev br0 up
ip netns add node1
ip netns exec node1 sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
ip netns exec node1 sysctl -qw net.ipv4.tcp_timestamps=0
ip netns add node2
ip netns exec node2 sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
ip netns exec node2 sysctl -qw net.ipv4.tcp_timestamps=0
ip netns add ext
ip netns exec ext sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
ip netns exec ext sysctl -qw net.ipv4.tcp_timestamps=0
ip link add name port1 address 0e:7d:53:35:7b:1d type veth peer name eth0 address 02:00:00:00:00:01 netns node1
ip link add name port2 address 1e:97:54:2e:27:97 type veth peer name eth0 address 02:00:00:00:00:02 netns node2
ip link add name port3 address 66:6b:9e:14:63:23 type veth peer name eth0 address 02:00:00:00:00:03 netns ext
ip link set dev port1 up master br0
ip link set dev port2 up master br0
ip link set dev port3 up master br0
ip -n node1 addr add 10.0.0.1/24 dev eth0
ip -n node2 addr add 10.0.0.2/24 dev eth0
ip -n ext addr add 10.0.0.3/24 dev eth0
ip -n node1 link set dev lo up
ip -n node2 link set dev lo up
ip -n ext link set dev lo up
ip -n node1 link set dev eth0 up
ip -n node2 link set dev eth0 up
ip -n ext link set dev eth0 up
ip -n ext addr add 192.0.2.1/32 dev lo
ip -n node1 route add default via 10.0.0.3
ip -n node2 route add default via 10.0.0.3
ip netns exec node1 sysctl -qw net.bridge.bridge-nf-call-iptables=1
ip netns exec node1 sysctl -qw net.bridge.bridge-nf-call-ip6tables=1
ip netns exec node1 sysctl -qw net.ipv4.ip_forward=1
ip netns exec node2 sysctl -qw net.bridge.bridge-nf-call-iptables=1
ip netns exec node2 sysctl -qw net.bridge.bridge-nf-call-ip6tables=1
ip netns exec node2 sysctl -qw net.ipv4.ip_forward=1
ip -n node1 route replace 10.244.2.0/24 via 10.0.0.2 dev eth0
ip -n node2 route replace 10.244.1.0/24 via 10.0.0.1 dev eth0
ip netns add pa
ip netns exec pa sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
ip netns exec pa sysctl -qw net.ipv4.tcp_timestamps=0
ip -n pa link set dev lo up
ip -n pa link add name eth0 address 42:f8:ca:58:ea:db type veth peer name vetha1659632 address 32:5f:64:92:b6:89 netns node1
ip -n node1 link set dev vetha1659632 up
ip netns exec node1 sysctl -qw net/ipv6/conf/vetha1659632/accept_ra=0
ip -n pa addr add 10.244.1.2/24 broadcast 10.244.1.255 dev eth0
ip -n pa link set dev eth0 up
ip -n pa route prepend default via 10.244.1.1 dev eth0
ip -n pa route del 10.244.1.0/24 dev eth0
ip -n pa route add 10.244.1.1/32 dev eth0 src 10.244.1.2
ip -n pa route add 10.244.1.0/24 via 10.244.1.1 dev eth0 src 10.244.1.2
ip -n node1 addr add 10.244.1.1/32 dev vetha1659632
ip -n node1 route add 10.244.1.2/32 dev vetha1659632 scope host
ip netns add pb
ip netns exec pb sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
ip netns exec pb sysctl -qw net.ipv4.tcp_timestamps=0
ip -n pb link set dev lo up
ip -n pb link add name eth0 address be:29:3b:c6:f3:de type veth peer name veth650ba549 address 62:48:f8:c1:5d:d1 netns node1
ip -n node1 link set dev veth650ba549 up
ip netns exec node1 sysctl -qw net/ipv6/conf/veth650ba549/accept_ra=0
ip -n pb addr add 10.244.1.3/24 broadcast 10.244.1.255 dev eth0
ip -n pb link set dev eth0 up
ip -n pb route prepend default via 10.244.1.1 dev eth0
ip -n pb route del 10.244.1.0/24 dev eth0
ip -n pb route add 10.244.1.1/32 dev eth0 src 10.244.1.3
ip -n pb route add 10.244.1.0/24 via 10.244.1.1 dev eth0 src 10.244.1.3
ip -n node1 addr add 10.244.1.1/32 dev veth650ba549
ip -n node1 route add 10.244.1.3/32 dev veth650ba549 scope host
ip netns add pc
ip netns exec pc sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
ip netns exec pc sysctl -qw net.ipv4.tcp_timestamps=0
ip -n pc link set dev lo up
ip -n pc link add name eth0 address 22:5a:d2:67:3a:05 type veth peer name vethafef08bc address e6:33:95:73:81:ac netns node2
ip -n node2 link set dev vethafef08bc up
ip netns exec node2 sysctl -qw net/ipv6/conf/vethafef08bc/accept_ra=0
ip -n pc addr add 10.244.2.2/24 broadcast 10.244.2.255 dev eth0
ip -n pc link set dev eth0 up
ip -n pc route prepend default via 10.244.2.1 dev eth0
ip -n pc route del 10.244.2.0/24 dev eth0
ip -n pc route add 10.244.2.1/32 dev eth0 src 10.244.2.2
ip -n pc route add 10.244.2.0/24 via 10.244.2.1 dev eth0 src 10.244.2.2
ip -n node2 addr add 10.244.2.1/32 dev vethafef08bc
ip -n node2 route add 10.244.2.2/32 dev vethafef08bc scope host
ip netns add web
ip netns exec web sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
ip netns exec web sysctl -qw net.ipv4.tcp_timestamps=0
ip -n web link set dev lo up
ip -n web link add name eth0 address 4e:34:51:82:96:3f type veth peer name veth8e2865f8 address 2a:45:1e:bc:ef:7a netns node1
ip -n node1 link set dev veth8e2865f8 up
ip netns exec node1 sysctl -qw net/ipv6/conf/veth8e2865f8/accept_ra=0
ip -n web addr add 10.244.1.4/24 broadcast 10.244.1.255 dev eth0
ip -n web link set dev eth0 up
ip -n web route prepend default via 10.244.1.1 dev eth0
ip -n web route del 10.244.1.0/24 dev eth0
ip -n web route add 10.244.1.1/32 dev eth0 src 10.244.1.4
ip -n web route add 10.244.1.0/24 via 10.244.1.1 dev eth0 src 10.244.1.4
ip -n node1 addr add 10.244.1.1/32 dev veth8e2865f8
ip -n node1 route add 10.244.1.4/32 dev veth8e2865f8 scope host
ip netns exec node1 sysctl -qw net/ipv4/conf/veth8e2865f8/route_localnet=1
ip netns exec node1 iptables-restore < node1.rules
ip netns exec node2 iptables-restore < node2.rules
