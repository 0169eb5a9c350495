ip netns add n
ip netns add x
ip -n n link set lo up
ip -n n link add br0 address 02:00:00:00:01:01 type bridge
ip -n n link add p1 address 02:0b:00:00:00:01 type veth peer name xp1 netns x
ip -n n link add p2 address 02:0b:00:00:00:02 type veth peer name xp2 netns x
ip -n n link add s0 address 02:00:00:00:02:01 type veth peer name xs0 netns x
ip -n n link add v address 02:00:00:00:03:01 type veth peer name xv netns x
ip -n x link set xp1 up
ip -n x link set xp2 up
ip -n x link set xs0 up
ip -n x link set xv up
ip -n n link set p1 up
ip -n n link set p2 up
ip -n n link set s0 up
ip -n n link set v up
ip -n n link set p1 master br0
ip -n n link set p2 master br0
ip -n n addr add 10.0.1.1/24 dev br0
ip -n n addr add 10.0.2.1/24 dev s0
ip -n n addr add 10.0.3.1/24 dev v
ip -n n neigh add 10.0.2.2 lladdr 02:00:00:00:02:02 dev s0 nud permanent
ip -n n link add vx0 address 02:0b:00:00:00:09 type vxlan id 42 dstport 4789 local 10.0.2.1 srcport 50000 50001
ip -n n link set vx0 master br0
ip -n n link set vx0 up
ip -n n link set br0 up
bridge -n n fdb append 00:00:00:00:00:00 dev vx0 dst 10.0.2.2
ip -n n link add t0 type ipip local 10.0.2.1 remote 10.0.2.2
ip -n n link set t0 up
ip -n n addr add 10.0.4.1/24 dev t0
ip -n n link add m1 link v address 02:0d:00:00:00:01 type macvlan mode bridge
ip -n n link set m1 up
ip -n n addr add 10.0.3.2/24 dev m1
