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
ip netns exec r iptables -A FORWARD -j ACCEPT
ip netns exec r iptables -A FORWARD -j DROP
ip netns exec r iptables -A FORWARD -j RETURN
ip netns exec r iptables -A FORWARD -j REJECT
ip netns exec r iptables -A FORWARD -p tcp -j REJECT --reject-with tcp-reset
ip netns exec r iptables -A FORWARD -j REJECT --reject-with icmp-host-prohibited
ip netns exec r iptables -A FORWARD -j LOG
ip netns exec r iptables -A FORWARD -j LOG --log-prefix "a b " --log-level debug --log-tcp-sequence
ip netns exec r iptables -A FORWARD -j NFLOG
ip netns exec r iptables -A FORWARD -j NFLOG --nflog-group 1 --nflog-prefix p --nflog-size 9 --nflog-threshold 3
ip netns exec r iptables -A FORWARD -j NFQUEUE --queue-num 3 --queue-bypass
ip netns exec r iptables -A FORWARD -j NFQUEUE --queue-balance 1:3
ip netns exec r iptables -A FORWARD -j MARK --set-mark 1
ip netns exec r iptables -A FORWARD -j MARK --or-mark 2
ip netns exec r iptables -A FORWARD -j CONNMARK --save-mark
ip netns exec r iptables -A FORWARD -j CONNMARK --set-mark 7/15
ip netns exec r iptables -t mangle -A FORWARD -j MARK --set-xmark 1/0xff
ip netns exec r iptables -t mangle -A FORWARD -j MARK --and-mark 7
ip netns exec r iptables -t mangle -A FORWARD -j MARK --xor-mark 7
ip netns exec r iptables -t mangle -A FORWARD -j CONNMARK --set-xmark 3
ip netns exec r iptables -t mangle -A FORWARD -j CONNMARK --restore-mark --mask 0xff
ip netns exec r iptables -t mangle -A FORWARD -j CONNMARK --save-mark --nfmask 1 --ctmask 2
ip netns exec r iptables -t mangle -A FORWARD -p tcp --tcp-flags SYN SYN -j TCPMSS --set-mss 900
ip netns exec r iptables -t mangle -A FORWARD -p tcp --syn -j TCPMSS --clamp-mss-to-pmtu
ip netns exec r iptables -t mangle -A FORWARD -j TTL --ttl-dec 1
ip netns exec r iptables -t mangle -A FORWARD -j TOS --set-tos 0x10
ip netns exec r iptables -t mangle -A FORWARD -j DSCP --set-dscp 9
ip netns exec r iptables -t nat -A PREROUTING -p tcp -j DNAT --to-destination 1.2.3.4:5
ip netns exec r iptables -t nat -A PREROUTING -j DNAT --to-destination 1.2.3.4-1.2.3.9 --random
ip netns exec r iptables -t nat -A PREROUTING -p udp -j DNAT --to-destination :53 --persistent
ip netns exec r iptables -t nat -A PREROUTING -p tcp -j REDIRECT --to-ports 5-6 --random
ip netns exec r iptables -t nat -A PREROUTING -j REDIRECT
ip netns exec r iptables -t nat -A PREROUTING -j NETMAP --to 10.9.0.0/16
ip netns exec r iptables -t nat -A POSTROUTING -j SNAT --to-source 1.2.3.4
ip netns exec r iptables -t nat -A POSTROUTING -p udp -j SNAT --to-source 1.2.3.4-1.2.3.5:7-8 --random-fully --persistent
ip netns exec r iptables -t nat -A POSTROUTING -j MASQUERADE
ip netns exec r iptables -t nat -A POSTROUTING -p tcp -j MASQUERADE --to-ports 5-9 --random
ip netns exec r iptables -t nat -A POSTROUTING -j MASQUERADE --random-fully
ip netns exec r iptables -t raw -A PREROUTING -j NOTRACK
ip netns exec r iptables -t raw -A PREROUTING -j CT --notrack
ip netns exec r iptables -t raw -A PREROUTING -j CT --zone 5
ip netns exec r iptables -t raw -A PREROUTING -j CT --zone-orig mark
ip netns exec r iptables -t raw -A PREROUTING -j CT --ctevents new,destroy
ip netns exec r iptables -t raw -A PREROUTING -j CT --zone-reply 7 --expevents new
ip netns exec r iptables -t raw -A PREROUTING -j TRACE
