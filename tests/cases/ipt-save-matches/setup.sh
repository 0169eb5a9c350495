ip netns add r
ip netns exec r sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
ip -n r link set lo up
ip netns add x
ip netns exec x sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
ip -n x link set lo up
ip netns exec r sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0
ip netns exec r sysctl -qw net.ipv4.ip_forward=1
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
ip netns exec r iptables -A FORWARD -p udp -m udp --sport 1:2 --dport 3
ip netns exec r iptables -A FORWARD -p tcp -m tcp ! --dport 80 --tcp-flags SYN,ACK SYN --tcp-option 5
ip netns exec r iptables -A FORWARD -p icmp --icmp-type 3/4
ip netns exec r iptables -A FORWARD -p sctp -m sctp --dport 9 --chunk-types any INIT
ip netns exec r iptables -A FORWARD -m conntrack --ctstate NEW,RELATED --ctproto 6 --ctorigsrc 10.0.0.0/8 --ctreplsrcport 5:6 --ctstatus ASSURED --ctexpire 1:2 --ctdir REPLY
ip netns exec r iptables -A FORWARD -m state --state NEW
ip netns exec r iptables -A FORWARD -m addrtype ! --src-type LOCAL --dst-type UNICAST
ip netns exec r iptables -A FORWARD -m mark ! --mark 0x1/0xf
ip netns exec r iptables -A FORWARD -m connmark --mark 5
ip netns exec r iptables -A FORWARD -m statistic --mode nth --every 3 --packet 1
ip netns exec r iptables -A FORWARD -m statistic --mode random --probability 0.5
ip netns exec r iptables -A FORWARD -m recent --rcheck --seconds 5 --hitcount 2 --name n --rsource
ip netns exec r iptables -A FORWARD -m recent --update --reap --seconds 1 --rttl --name m --mask 255.255.0.0 --rdest
ip netns exec r iptables -A FORWARD -p tcp -m multiport ! --ports 1,2:3
ip netns exec r iptables -A FORWARD -m physdev --physdev-in p+ ! --physdev-is-bridged
ip netns exec r iptables -A FORWARD -m limit --limit 3/min --limit-burst 7
ip netns exec r iptables -A FORWARD -m limit --limit 100/second
ip netns exec r iptables -A FORWARD -m iprange --src-range 1.2.3.4-1.2.3.5 ! --dst-range 2.2.2.2-2.2.2.3
ip netns exec r iptables -A FORWARD -m mac ! --mac-source 02:00:00:00:00:01
ip netns exec r iptables -A FORWARD -m length --length 5:
ip netns exec r iptables -A FORWARD -m length ! --length 7
ip netns exec r iptables -A FORWARD -m ttl --ttl-gt 3
ip netns exec r iptables -A FORWARD -m pkttype --pkt-type multicast
ip netns exec r iptables -A FORWARD -m comment --comment "a b"
ip netns exec r iptables -A FORWARD -m comment --comment plain
ip netns exec r iptables -A FORWARD -s 10.0.0.0/255.0.255.0 ! -d 10.1.0.0/16 ! -i e+ -f
ip netns exec r iptables -A FORWARD ! -p tcp
ip netns exec r iptables -A FORWARD -p 200
ip netns exec r iptables -A FORWARD -p esp
ip netns exec r iptables -A FORWARD -m connlabel --label 5
ip netns exec r iptables -A FORWARD -m u32 --u32 "0>>22&0x3C@0=1"
ip netns exec r iptables -A FORWARD -m tos --tos 0x10/0x3f
ip netns exec r iptables -A FORWARD -m dscp --dscp 10
ip netns exec r iptables -A FORWARD -m hashlimit --hashlimit-upto 5/sec --hashlimit-burst 9 --hashlimit-mode srcip,dstport --hashlimit-name h
ip netns exec r iptables -A OUTPUT -m owner ! --uid-owner 0-5 --gid-owner 7 --socket-exists
ip netns exec r iptables -t raw -A PREROUTING -m rpfilter --loose --validmark --accept-local --invert
