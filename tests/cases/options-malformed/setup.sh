ip netns add r
ip netns exec r sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
ip -n r link set lo up
ip netns add x
ip netns exec x sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
ip -n x link set lo up
ip netns exec r sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0 net.ipv4.ip_forward=1
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
ip -n r neigh add 10.0.1.20 lladdr 02:00:00:00:01:14 dev c0 nud permanent
ip -n r neigh add 10.0.1.21 lladdr 02:00:00:00:01:15 dev c0 nud permanent
ip -n r neigh add 10.0.1.22 lladdr 02:00:00:00:01:16 dev c0 nud permanent
ip -n r neigh add 10.0.1.23 lladdr 02:00:00:00:01:17 dev c0 nud permanent
ip -n r neigh add 10.0.1.24 lladdr 02:00:00:00:01:18 dev c0 nud permanent
ip -n r neigh add 10.0.1.25 lladdr 02:00:00:00:01:19 dev c0 nud permanent
ip -n r neigh add 10.0.1.26 lladdr 02:00:00:00:01:1a dev c0 nud permanent
ip -n r neigh add 10.0.1.27 lladdr 02:00:00:00:01:1b dev c0 nud permanent
ip -n r neigh add 10.0.1.28 lladdr 02:00:00:00:01:1c dev c0 nud permanent
ip -n r neigh add 10.0.1.29 lladdr 02:00:00:00:01:1d dev c0 nud permanent
ip -n r neigh add 10.0.1.30 lladdr 02:00:00:00:01:1e dev c0 nud permanent
ip -n r neigh add 10.0.1.31 lladdr 02:00:00:00:01:1f dev c0 nud permanent
ip -n r neigh add 10.0.1.32 lladdr 02:00:00:00:01:20 dev c0 nud permanent
ip -n r neigh add 10.0.1.33 lladdr 02:00:00:00:01:21 dev c0 nud permanent
ip -n r neigh add 10.0.1.34 lladdr 02:00:00:00:01:22 dev c0 nud permanent
ip -n r neigh add 10.0.1.35 lladdr 02:00:00:00:01:23 dev c0 nud permanent
ip -n r neigh add 10.0.1.36 lladdr 02:00:00:00:01:24 dev c0 nud permanent
