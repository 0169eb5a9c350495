ip netns add r
ip netns exec r sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1 net.bridge.bridge-nf-call-iptables=0
ip -n r link set lo up
ip netns add x
ip netns exec x sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
ip netns exec r sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0 net.ipv4.ip_forward=1
ip -n r link add br0 address 02:00:00:00:09:01 type bridge mcast_snooping 0
ip -n r link add p1 address 02:0b:00:00:00:01 type veth peer name xp1 address 02:ff:00:00:00:01 netns x
ip -n x link set xp1 up
ip -n r link set p1 up
ip -n r link set p1 master br0
ip -n r link add c0 address 02:00:00:00:01:01 type veth peer name xc0 address 02:ff:00:00:00:03 netns x
ip -n x link set xc0 up
ip -n r link set c0 up
ip -n r addr add 10.0.1.1/24 dev c0
ip -n r neigh add 10.0.1.2 lladdr 02:00:00:00:01:02 dev c0 nud permanent
ip -n r link add s0 address 02:00:00:00:02:01 type veth peer name xs0 address 02:ff:00:00:00:02 netns x
ip -n x link set xs0 up
ip -n r link set s0 up
ip -n r addr add 10.0.2.1/24 dev s0
ip -n r neigh add 10.0.2.2 lladdr 02:00:00:00:02:02 dev s0 nud permanent
ip -n r link add vx0 address 02:0b:00:00:00:09 type vxlan id 42 dstport 4789 local 10.0.2.1 remote 10.0.2.2 srcport 50000 50001 noudpcsum
ip -n r link set vx0 master br0
ip -n r link set vx0 up
ip -n r link set br0 up
ip -n r link add vx1 address 02:00:00:00:05:01 type vxlan id 43 dstport 4789 local 10.0.2.1 remote 10.0.2.2 srcport 50000 50001 noudpcsum
ip -n r link set vx1 up
ip -n r addr add 10.0.5.1/24 dev vx1
ip -n r neigh add 10.0.5.2 lladdr 02:00:00:00:05:02 dev vx1 nud permanent
