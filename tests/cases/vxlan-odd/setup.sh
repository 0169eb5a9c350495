ip netns add r
ip netns exec r sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
ip -n r link set lo up
ip netns add x
ip netns exec x sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
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
ip -n r neigh add 10.0.2.2 lladdr 02:00:00:00:02:02 dev s0 nud permanent
ip -n r link add vx0 address 02:00:00:00:05:01 type vxlan id 42 dstport 8472 local 10.0.2.1 remote 10.0.2.2 dev s0 srcport 50000 50001 ttl 9 tos inherit df inherit
ip -n r link set vx0 up
ip -n r addr add 10.0.5.1/24 dev vx0
ip -n r neigh add 10.0.5.2 lladdr 02:00:00:00:05:02 dev vx0 nud permanent
ip -n r link add vx1 address 02:00:00:00:06:01 type vxlan id 43 dstport 8472 remote 10.99.0.1 srcport 50000 50001
ip -n r link set vx1 up
ip -n r addr add 10.0.6.1/24 dev vx1
ip -n r neigh add 10.0.6.2 lladdr 02:00:00:00:06:02 dev vx1 nud permanent
ip -n r link add vx2 address 02:00:00:00:07:01 type vxlan id 44 dstport 8472 remote 10.0.2.1 srcport 50000 50001
ip -n r link set vx2 up
ip -n r addr add 10.0.7.1/24 dev vx2
ip -n r neigh add 10.0.7.2 lladdr 02:00:00:00:07:02 dev vx2 nud permanent
ip -n r link add vx3 address 02:00:00:00:08:01 type vxlan id 45 dstport 8472 local 10.0.2.1 remote 10.0.2.2 dev s0 srcport 50000 50001 df set tos 0x20 noudpcsum
ip -n r link set vx3 up
ip -n r addr add 10.0.8.1/24 dev vx3
ip -n r neigh add 10.0.8.2 lladdr 02:00:00:00:08:02 dev vx3 nud permanent
ip -n r link add vx4 address 02:00:00:00:09:01 type vxlan id 46 dstport 8472 local 10.0.2.1 remote 10.0.9.2 srcport 50000 50001
ip -n r link set vx4 up
ip -n r addr add 10.0.9.1/24 dev vx4
ip -n r neigh add 10.0.9.2 lladdr 02:00:00:00:09:02 dev vx4 nud permanent
ip -n r link add vx5 address 02:00:00:00:0a:01 type vxlan id 47 dstport 8472 local 10.0.2.1 remote 10.0.2.2 srcport 50000 50001 proxy
ip -n r link set vx5 up
ip -n r addr add 10.0.10.1/24 dev vx5
ip -n r neigh add 10.0.10.2 lladdr 02:00:00:00:0a:02 dev vx5 nud permanent
