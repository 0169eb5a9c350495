iptables-nft -P FORWARD DROP
iptables-nft -A INPUT -i lo -j ACCEPT
iptables-nft -A FORWARD -i cni0 -j ACCEPT
iptables-nft -t nat -A PREROUTING -p tcp --dport 2222 -j REDIRECT --to-ports 22
iptables-nft -t nat -A POSTROUTING -s 10.244.1.0/24 ! -o cni0 -j MASQUERADE
