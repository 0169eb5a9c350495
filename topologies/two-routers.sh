# Two hosts with two routers between them.
#
#        a 10.0.1.2 ──── 10.0.1.1 r1 10.0.2.1 ──── 10.0.2.2 r2 10.0.3.1 ──── 10.0.3.2 b
#
# try: ip netns exec a ping -c 1 10.0.3.2
# try: ip netns exec a traceroute -n 10.0.3.2
# try: ip -n r1 route get 10.0.3.2 from 10.0.1.2 iif west

for host in a r1 r2 b; do
    ip netns add $host
    ip -n $host link set lo up
done
ip -n a link add eth0 type veth peer name west netns r1
ip -n r1 link add east type veth peer name west netns r2
ip -n r2 link add east type veth peer name eth0 netns b
ip -n a addr add 10.0.1.2/24 dev eth0
ip -n r1 addr add 10.0.1.1/24 dev west
ip -n r1 addr add 10.0.2.1/24 dev east
ip -n r2 addr add 10.0.2.2/24 dev west
ip -n r2 addr add 10.0.3.1/24 dev east
ip -n b addr add 10.0.3.2/24 dev eth0
ip -n a link set eth0 up
ip -n r1 link set west up
ip -n r1 link set east up
ip -n r2 link set west up
ip -n r2 link set east up
ip -n b link set eth0 up
ip netns exec r1 sysctl -qw net.ipv4.ip_forward=1
ip netns exec r2 sysctl -qw net.ipv4.ip_forward=1
ip -n a route add default via 10.0.1.1
ip -n r1 route add 10.0.3.0/24 via 10.0.2.2
ip -n r2 route add 10.0.1.0/24 via 10.0.2.1
ip -n b route add default via 10.0.3.1
