ip netns add n
ip netns exec n sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
ip -n n link set lo up
ip netns add x
ip netns exec x sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
ip -n x link set lo up
ip netns exec n sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0
ip -n n link add br0 address 02:00:00:00:01:01 type bridge mcast_snooping 0
ip -n n link add p1 address 02:0b:00:00:00:01 type veth peer name xp1 address 02:ff:00:00:00:01 netns x
ip -n x link set xp1 up
ip -n n link set p1 up
ip -n n link set p1 master br0
ip -n n link add p2 address 02:0b:00:00:00:02 type veth peer name xp2 address 02:ff:00:00:00:02 netns x
ip -n x link set xp2 up
ip -n n link set p2 up
ip -n n link set p2 master br0
ip -n n link set br0 up
ip -n n link add c0 address 02:0b:00:00:00:09 type veth peer name xc0 address 02:ff:00:00:00:09 netns x
ip -n x link set xc0 up
ip -n n link set c0 up
ip -n n link add br1 address 02:00:00:00:01:02 type bridge mcast_snooping 0
ip -n n link add q1 address 02:0b:00:00:00:11 type veth peer name xq1 address 02:ff:00:00:00:11 netns x
ip -n n link set q1 master br1
