ip netns add n
ip netns exec n sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
ip -n n link set lo up
ip netns add x
ip netns exec x sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
ip -n x link set lo up
ip netns exec n sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0
ip -n n link add v address 02:00:00:00:01:01 type veth peer name xv address 02:ff:00:00:00:01 netns x
ip -n x link set xv up
ip -n n link set v up
ip -n n link add m1 link v address 02:0d:00:00:00:01 type macvlan mode bridge
ip -n n link set m1 up
ip -n n link add m2 link v address 02:0d:00:00:00:02 type macvlan mode bridge
ip -n n link set m2 up
ip -n n link add m3 link v address 02:0d:00:00:00:03 type macvlan mode vepa
ip -n n link set m3 up
ip -n n link add m4 link v address 02:0d:00:00:00:04 type macvlan mode private
ip -n n link set m4 up
