ip netns add r
ip netns exec r sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
ip netns add x
ip netns exec x sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
ip netns exec r sysctl -qw net.ipv4.ip_forward=1 net.netfilter.nf_conntrack_acct=1
ip netns exec r sysctl -qw net.bridge.bridge-nf-call-iptables=1
ip -n r link add br0 address 02:00:00:00:01:01 type bridge mcast_snooping 0
ip -n r link add p2 address 02:0b:00:00:00:01 type veth peer name xp2 address 02:ff:00:00:01:01 netns x
ip -n x link set xp2 up
ip -n r link set p2 up
ip -n r link set p2 master br0
ip -n r link add p3 address 02:0b:00:00:00:02 type veth peer name xp3 address 02:ff:00:00:01:02 netns x
ip -n x link set xp3 up
ip -n r link set p3 up
ip -n r link set p3 master br0
ip -n r link set br0 up
ip -n r link add s0 address 02:00:00:00:02:01 type veth peer name xs0 address 02:ff:00:00:02:00 netns x
ip -n r link set s0 up
ip -n r addr add 10.0.2.1/24 dev s0
ip -n x link set xs0 up
ip -n r neigh add 10.0.2.4 lladdr 02:00:00:00:02:04 dev s0 nud permanent
ip netns exec r iptables -t nat -A POSTROUTING -j MASQUERADE
