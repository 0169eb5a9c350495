ip netns add r
ip netns exec r sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
ip -n r link set lo up
ip netns add x
ip netns exec x sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
ip -n x link set lo up
ip netns exec r sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0 net.ipv4.ip_forward=1
ip netns exec r sysctl -qw net.ipv4.igmp_link_local_mcast_reports=0
ip -n r link add br0 address 02:00:00:00:01:01 type bridge mcast_snooping 0
ip -n r link add c0 address 02:00:00:00:01:03 type veth peer name xc0 address 02:ff:00:00:00:01 netns x
ip -n r link add d0 address 02:00:00:00:01:04 type veth peer name xd0 address 02:ff:00:00:00:02 netns x
ip -n r link add s0 address 02:00:00:00:02:01 type veth peer name xs0 address 02:ff:00:00:00:03 netns x
ip -n r link set c0 master br0
ip -n r link set d0 master br0
ip -n x link set xc0 up
ip -n x link set xd0 up
ip -n x link set xs0 up
ip -n r link set c0 up
ip -n r link set d0 up
ip -n r link set s0 up
ip -n r link set br0 up
ip -n r addr add 10.0.1.1/24 dev br0
ip -n r addr add 10.0.2.1/24 dev s0
ip -n r neigh add 10.0.1.2 lladdr 02:00:00:00:01:02 dev br0 nud permanent
ip -n r neigh add 10.0.2.2 lladdr 02:00:00:00:02:02 dev s0 nud permanent
tc -n r qdisc add dev s0 root handle 1: netem delay 1s
tc -n r qdisc add dev br0 root handle 2: netem delay 1s
tc -n r qdisc add dev d0 root handle 3: netem delay 1s
tc -n r qdisc add dev lo root handle 4: netem delay 500ms
