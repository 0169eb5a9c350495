ip netns add a
ip netns add b
ip netns exec a sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
ip netns exec b sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
ip netns exec a sysctl -qw net.bridge.bridge-nf-call-iptables=0 net.bridge.bridge-nf-call-ip6tables=0 net.bridge.bridge-nf-call-arptables=0
ip -n a link add w0 address 02:00:00:00:01:01 type veth peer name w0 address 02:00:00:00:01:02 netns b
ip -n a link add p0 address 02:00:00:00:02:0a type veth peer name p0 address 02:00:00:00:02:02 netns b
ip -n a link add br0 address 02:00:00:00:02:01 type bridge mcast_snooping 0
ip -n a link set p0 master br0
ip -n b link set w0 mtu 600
ip -n b link set p0 mtu 600
ip -n b link set w0 up
ip -n b link set p0 up
ip -n a link set w0 up
ip -n a link set p0 up
ip -n a link set br0 up
ip -n a addr add 10.0.1.1/24 dev w0
ip -n a addr add 10.0.2.1/24 dev br0
ip -n a neigh add 10.0.1.2 lladdr 02:00:00:00:01:02 dev w0 nud permanent
ip -n a neigh add 10.0.2.2 lladdr 02:00:00:00:02:02 dev br0 nud permanent
