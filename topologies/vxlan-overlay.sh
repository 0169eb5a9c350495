# Two nodes whose pods reach each other through a VXLAN tunnel: static neighbours and forwarding
# entries instead of learning, as an overlay's agent writes them.
#
#   p1 eth0 10.42.1.2/24 ── veth, cni0 10.42.1.1 ─ n1 ─ vxlan.1 10.42.1.0 ─┐
#                                                 eth0 10.0.0.1            │ UDP port 8472
#                                                 eth0 10.0.0.2            │
#   p2 eth0 10.42.2.2/24 ── veth, cni0 10.42.2.1 ─ n2 ─ vxlan.1 10.42.2.0 ─┘
#
# try: ip netns exec p1 ping -c 1 10.42.2.2
# try: ip netns exec p1 ping -c 1 -M do -s 1422 10.42.2.2
# try: bridge -n n1 fdb show dev vxlan.1

for ns in n1 n2 p1 p2; do
    ip netns add $ns
    ip -n $ns link set lo up
done
ip -n n1 link add eth0 type veth peer name eth0 netns n2
for n in 1 2; do
    ip -n n$n addr add 10.0.0.$n/24 dev eth0
    ip -n n$n link set eth0 up
    ip netns exec n$n sysctl -qw net.ipv4.ip_forward=1
    ip -n n$n link add cni0 type bridge
    ip -n n$n addr add 10.42.$n.1/24 dev cni0
    ip -n n$n link set cni0 up
    ip -n n$n link add veth0 mtu 1450 type veth peer name eth0 mtu 1450 netns p$n
    ip -n n$n link set veth0 master cni0 up
    ip -n p$n addr add 10.42.$n.2/24 dev eth0
    ip -n p$n link set eth0 up
    ip -n p$n route add default via 10.42.$n.1
    ip -n n$n link add vxlan.1 address 02:00:00:00:42:0$n type vxlan id 1 dev eth0 local 10.0.0.$n dstport 8472 nolearning
    ip -n n$n addr add 10.42.$n.0/32 dev vxlan.1
    ip -n n$n link set vxlan.1 up
done
for pair in 1:2 2:1; do
    here=${pair%:*} there=${pair#*:}
    ip -n n$here neigh add 10.42.$there.0 lladdr 02:00:00:00:42:0$there dev vxlan.1 nud permanent
    bridge -n n$here fdb append 02:00:00:00:42:0$there dev vxlan.1 dst 10.0.0.$there
    ip -n n$here route add 10.42.$there.0/24 via 10.42.$there.0 dev vxlan.1 onlink
done
