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
ip -n node1 link add name flannel.1 mtu 1450 address 6a:dc:16:07:ea:4e txqueuelen 0 type vxlan id 1 local 10.0.0.1 dev eth0 dstport 0 nolearning
ip netns exec node1 sysctl -qw net/ipv6/conf/flannel.1/accept_ra=0
ip -n node1 addr add 10.244.1.0/32 dev flannel.1
ip -n node1 link set dev flannel.1 up
ip netns exec node2 sysctl -qw net.bridge.bridge-nf-call-iptables=1
ip netns exec node2 sysctl -qw net.bridge.bridge-nf-call-ip6tables=1
ip netns exec node2 sysctl -qw net.ipv4.ip_forward=1
ip -n node2 link add name flannel.1 mtu 1450 address 56:b1:7e:6a:b3:50 txqueuelen 0 type vxlan id 1 local 10.0.0.2 dev eth0 dstport 0 nolearning
ip netns exec node2 sysctl -qw net/ipv6/conf/flannel.1/accept_ra=0
ip -n node2 addr add 10.244.2.0/32 dev flannel.1
ip -n node2 link set dev flannel.1 up
ip -n node1 neigh replace 10.244.2.0 lladdr 56:b1:7e:6a:b3:50 dev flannel.1
bridge -n node1 fdb replace 56:b1:7e:6a:b3:50 dev flannel.1 self dst 10.0.0.2
ip -n node1 route replace 10.244.2.0/24 via 10.244.2.0 dev flannel.1 onlink
ip -n node2 neigh replace 10.244.1.0 lladdr 6a:dc:16:07:ea:4e dev flannel.1
bridge -n node2 fdb replace 6a:dc:16:07:ea:4e dev flannel.1 self dst 10.0.0.1
ip -n node2 route replace 10.244.1.0/24 via 10.244.1.0 dev flannel.1 onlink
ip netns add pa
ip netns exec pa sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
ip netns exec pa sysctl -qw net.ipv4.tcp_timestamps=0
ip -n pa link set dev lo up
ip -n node1 link add name cni0 mtu 1450 type bridge mcast_snooping 0
ip netns exec node1 sysctl -qw net/ipv6/conf/cni0/accept_ra=0
ip -n node1 link set dev cni0 up
ip -n pa link add name eth0 mtu 1450 address 62:48:f8:c1:5d:d1 type veth peer name vetha1659632 mtu 1450 address 42:f8:ca:58:ea:db netns node1
ip -n node1 link set dev vetha1659632 up
ip netns exec node1 sysctl -qw net/ipv6/conf/vetha1659632/accept_ra=0
ip -n node1 link set dev vetha1659632 master cni0
ip -n node1 link set dev vetha1659632 type bridge_slave hairpin on
ip -n node1 link set dev vetha1659632 type bridge_slave isolated off
ip netns exec pa sysctl -qw net/ipv6/conf/eth0/accept_dad=0
ip netns exec pa sysctl -qw net/ipv4/conf/eth0/arp_notify=1
ip -n pa addr add 10.244.1.2/24 broadcast 10.244.1.255 dev eth0
ip -n pa link set dev eth0 up
ip -n pa route prepend 10.244.0.0/16 via 10.244.1.1 dev eth0
ip -n pa route prepend default via 10.244.1.1 dev eth0
ip -n node1 addr add 10.244.1.1/24 broadcast 10.244.1.255 dev cni0
ip -n node1 link set dev cni0 address 32:5f:64:92:b6:89
ip netns add pb
ip netns exec pb sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
ip netns exec pb sysctl -qw net.ipv4.tcp_timestamps=0
ip -n pb link set dev lo up
ip netns exec node1 sysctl -qw net/ipv6/conf/cni0/accept_ra=0
ip -n node1 link set dev cni0 up
ip -n pb link add name eth0 mtu 1450 address e6:33:95:73:81:ac type veth peer name veth650ba549 mtu 1450 address be:29:3b:c6:f3:de netns node1
ip -n node1 link set dev veth650ba549 up
ip netns exec node1 sysctl -qw net/ipv6/conf/veth650ba549/accept_ra=0
ip -n node1 link set dev veth650ba549 master cni0
ip -n node1 link set dev veth650ba549 type bridge_slave hairpin on
ip -n node1 link set dev veth650ba549 type bridge_slave isolated off
ip netns exec pb sysctl -qw net/ipv6/conf/eth0/accept_dad=0
ip netns exec pb sysctl -qw net/ipv4/conf/eth0/arp_notify=1
ip -n pb addr add 10.244.1.3/24 broadcast 10.244.1.255 dev eth0
ip -n pb link set dev eth0 up
ip -n pb route prepend 10.244.0.0/16 via 10.244.1.1 dev eth0
ip -n pb route prepend default via 10.244.1.1 dev eth0
ip netns add pc
ip netns exec pc sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
ip netns exec pc sysctl -qw net.ipv4.tcp_timestamps=0
ip -n pc link set dev lo up
ip -n node2 link add name cni0 mtu 1450 type bridge mcast_snooping 0
ip netns exec node2 sysctl -qw net/ipv6/conf/cni0/accept_ra=0
ip -n node2 link set dev cni0 up
ip -n pc link add name eth0 mtu 1450 address 4e:34:51:82:96:3f type veth peer name vethafef08bc mtu 1450 address 2a:45:1e:bc:ef:7a netns node2
ip -n node2 link set dev vethafef08bc up
ip netns exec node2 sysctl -qw net/ipv6/conf/vethafef08bc/accept_ra=0
ip -n node2 link set dev vethafef08bc master cni0
ip -n node2 link set dev vethafef08bc type bridge_slave hairpin on
ip -n node2 link set dev vethafef08bc type bridge_slave isolated off
ip netns exec pc sysctl -qw net/ipv6/conf/eth0/accept_dad=0
ip netns exec pc sysctl -qw net/ipv4/conf/eth0/arp_notify=1
ip -n pc addr add 10.244.2.2/24 broadcast 10.244.2.255 dev eth0
ip -n pc link set dev eth0 up
ip -n pc route prepend 10.244.0.0/16 via 10.244.2.1 dev eth0
ip -n pc route prepend default via 10.244.2.1 dev eth0
ip -n node2 addr add 10.244.2.1/24 broadcast 10.244.2.255 dev cni0
ip -n node2 link set dev cni0 address 22:5a:d2:67:3a:05
ip netns add web
ip netns exec web sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
ip netns exec web sysctl -qw net.ipv4.tcp_timestamps=0
ip -n web link set dev lo up
ip netns exec node1 sysctl -qw net/ipv6/conf/cni0/accept_ra=0
ip -n node1 link set dev cni0 up
ip -n web link add name eth0 mtu 1450 address 62:b0:56:8d:69:91 type veth peer name veth8e2865f8 mtu 1450 address 62:0e:42:9a:8f:6b netns node1
ip -n node1 link set dev veth8e2865f8 up
ip netns exec node1 sysctl -qw net/ipv6/conf/veth8e2865f8/accept_ra=0
ip -n node1 link set dev veth8e2865f8 master cni0
ip -n node1 link set dev veth8e2865f8 type bridge_slave hairpin on
ip -n node1 link set dev veth8e2865f8 type bridge_slave isolated off
ip netns exec web sysctl -qw net/ipv6/conf/eth0/accept_dad=0
ip netns exec web sysctl -qw net/ipv4/conf/eth0/arp_notify=1
ip -n web addr add 10.244.1.4/24 broadcast 10.244.1.255 dev eth0
ip -n web link set dev eth0 up
ip -n web route prepend 10.244.0.0/16 via 10.244.1.1 dev eth0
ip -n web route prepend default via 10.244.1.1 dev eth0
ip netns exec node1 sysctl -qw net/ipv4/conf/cni0/route_localnet=1
ip netns exec node1 iptables-restore < node1.rules
ip netns exec node2 iptables-restore < node2.rules
