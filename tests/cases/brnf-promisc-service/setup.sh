ip netns add n
ip netns exec n sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
ip -n n link set lo up
ip netns add x
ip netns exec x sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
ip -n x link set lo up
ip netns exec n sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0 net.ipv4.ip_forward=1
ip netns exec n sysctl -qw net.bridge.bridge-nf-call-iptables=1
ip -n n link add br0 address 02:00:00:00:01:01 type bridge mcast_snooping 0
ip -n n link add p1 address 02:0b:00:00:00:01 type veth peer name xp1 address 02:ff:00:00:00:01 netns x
ip -n x link set xp1 up
ip -n n link set p1 up
ip -n n link set p1 master br0
ip -n n link add p2 address 02:0b:00:00:00:02 type veth peer name xp2 address 02:ff:00:00:00:02 netns x
ip -n x link set xp2 up
ip -n n link set p2 up
ip -n n link set p2 master br0
ip -n n link add p3 address 02:0b:00:00:00:03 type veth peer name xp3 address 02:ff:00:00:00:03 netns x
ip -n x link set xp3 up
ip -n n link set p3 up
ip -n n link set p3 master br0
ip -n n link set br0 up
ip -n n addr add 10.0.1.1/24 dev br0
ip -n n neigh add 10.0.1.2 lladdr 02:00:00:00:01:02 dev br0 nud permanent
ip -n n neigh add 10.0.1.3 lladdr 02:00:00:00:01:03 dev br0 nud permanent
ip -n n neigh add 10.0.1.4 lladdr 02:00:00:00:01:04 dev br0 nud permanent
ip netns exec n sysctl -qw net.ipv4.conf.all.send_redirects=0 net.ipv4.conf.br0.send_redirects=0
ip -n n link set br0 promisc on
ip netns exec n iptables -t nat -A PREROUTING -d 10.96.0.1 -p tcp --dport 80 -j DNAT --to-destination 10.0.1.2:8080
ip netns exec n iptables -t nat -A PREROUTING -d 10.96.0.2 -p tcp --dport 80 -j DNAT --to-destination 10.0.1.3:8080
ip netns exec n iptables -t nat -A PREROUTING -d 10.96.0.3 -p tcp --dport 80 -j DNAT --to-destination 10.0.1.1:8080
ip netns exec n iptables -t nat -A POSTROUTING -s 10.0.1.2 -d 10.0.1.2 -j MASQUERADE
ip netns exec n iptables -A INPUT -p tcp -m conntrack --ctstate NEW
ip netns exec n iptables -A INPUT -p tcp -m conntrack --ctstate ESTABLISHED
ip netns exec n iptables -A INPUT -p tcp -m conntrack --ctstate INVALID
ip netns exec n iptables -A INPUT -p tcp -m conntrack --ctstate UNTRACKED
ip netns exec n iptables -A FORWARD -p tcp -m conntrack --ctstate NEW
ip netns exec n iptables -A FORWARD -p tcp -m conntrack --ctstate ESTABLISHED
ip netns exec n iptables -A FORWARD -p tcp -m conntrack --ctstate INVALID
ip netns exec n iptables -A FORWARD -p tcp -m conntrack --ctstate UNTRACKED
ip netns exec n iptables -t mangle -A POSTROUTING -p tcp -m conntrack --ctstate NEW
ip netns exec n iptables -t mangle -A POSTROUTING -p tcp -m conntrack --ctstate ESTABLISHED
ip netns exec n iptables -t mangle -A POSTROUTING -p tcp -m conntrack --ctstate INVALID
ip netns exec n iptables -t mangle -A POSTROUTING -p tcp -m conntrack --ctstate UNTRACKED
