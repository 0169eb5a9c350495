ip netns add r
ip netns exec r sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
ip -n r link add br0 address 02:00:00:00:1e:01 type bridge mcast_snooping 0
ip -n r link add br1 address 02:00:00:00:1e:02 type bridge mcast_snooping 0
ip -n r link add p1 address 02:00:00:00:00:01 type veth peer name p2 address 02:00:00:00:00:02
ip -n r link add p3 address 02:00:00:00:00:03 type veth peer name p4 address 02:00:00:00:00:04
ip -n r link add vx0 address 02:00:00:00:00:05 type vxlan id 1 dstport 4789
ip -n r link add vx1 address 02:00:00:00:00:06 type vxlan id 2 dstport 4789 dev p2
ip -n r link add vx2 address 02:00:00:00:00:07 type vxlan id 3 dstport 4789 dev br1
ip -n r link add vx3 address 02:00:00:00:00:08 type vxlan id 4 dstport 4789 dev lo
ip -n r link add m0 link p4 address 02:00:00:00:00:09 type macvlan mode bridge
ip -n r tuntap add t0 mode tap
ip -n r link set t0 address 02:00:00:00:00:0a
ip -n r link set p1 master br0
ip -n r link set vx0 master br0
ip -n r link set vx1 master br0
ip -n r link set vx2 master br0
ip -n r link set vx3 master br0
ip -n r link set m0 master br0
ip -n r link set t0 master br0
