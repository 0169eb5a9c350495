//! A random network: a router with a few devices, sometimes a bridge, a tunnel, a macvlan device and a
//! second host, and a passive namespace `x` that holds the far ends.
//!
//! What would make two runs differ is left out by construction: every device has an address, IPv6 is
//! off, hashes are seeded, tunnels have a fixed source port, redirects (limited by a clock with
//! steps of 20 ms) are not sent, and links neither come nor go.

use std::net::Ipv4Addr;

use super::dice::Dice;
use super::frame::{Mac, show_mac, station};

/// A random network, and what traffic has to know of it.
#[derive(Debug, Default)]
pub(super) struct Topology {
    pub(super) setup: Vec<String>,
    /// The devices that can be injected into.
    pub(super) ports: Vec<Port>,
    /// Addresses that are local somewhere.
    pub(super) local: Vec<Ipv4Addr>,
    /// Destinations of routes.
    pub(super) remote: Vec<Ipv4Addr>,
    pub(super) tunnel: Option<Tunnel>,
    pub(super) has_bridge: bool,
    /// A namespace `b` with a stack of its own, 10.0.20.2, next to the router, 10.0.20.1.
    pub(super) has_second_host: bool,
    /// The wire to it takes shorter packets than its end there believes.
    pub(super) has_narrow_wire: bool,
    /// Group frames reach macvlan devices from a queue of work, some time later.
    pub(super) has_macvlan: bool,
}

/// A device of the router whose far end is in `x`.
#[derive(Debug, Clone)]
pub(super) struct Port {
    pub(super) dev: String,
    pub(super) mac: Mac,
    /// The third byte of its subnet.
    pub(super) net: u8,
    /// Who takes frames for `net`: the port itself, or the bridge that it is a port of.
    pub(super) gateway: Mac,
}

/// A vxlan device.
#[derive(Debug, Clone)]
pub(super) struct Tunnel {
    pub(super) vni: u32,
    pub(super) udp_port: u16,
    pub(super) local: Ipv4Addr,
    pub(super) mac: Mac,
    pub(super) net: u8,
    /// The port that its packets come in by.
    pub(super) via: String,
}

impl Port {
    pub(super) fn host(&self, last: u8) -> Ipv4Addr {
        Ipv4Addr::new(10, 0, self.net, last)
    }
}

/// Draws a network.
pub(super) fn draw(dice: &mut Dice) -> Topology {
    let mut topology = Topology::default();
    topology.namespace("r");
    topology.namespace("x");
    topology.sysctl("r", "conf.all.rp_filter=0 conf.default.rp_filter=0");
    topology.sysctl("r", "conf.all.send_redirects=0 conf.default.send_redirects=0");
    let forward = u32::from(dice.chance(85));
    topology.sysctl("r", &format!("ip_forward={forward} fib_multipath_hash_seed=7"));
    let ports = dice.within(2, 4);
    for number in 1..=ports {
        topology.port(u8::try_from(number).expect("few ports"));
    }
    if dice.chance(40) {
        topology.bridge(dice);
    }
    topology.addresses(dice);
    if dice.chance(30) {
        topology.tunnel(dice);
    }
    if dice.chance(15) {
        topology.macvlan(dice);
    }
    if dice.chance(35) {
        topology.second_host(dice);
    }
    topology.neighbours(dice);
    topology.routes(dice);
    topology.rules(dice);
    topology.switches(dice);
    topology
}

impl Topology {
    fn run(&mut self, command: String) {
        self.setup.push(command);
    }

    fn sysctl(&mut self, netns: &str, assignments: &str) {
        let words: Vec<String> =
            assignments.split(' ').map(|assignment| format!("net.ipv4.{assignment}")).collect();
        self.run(format!("ip netns exec {netns} sysctl -qw {}", words.join(" ")));
    }

    fn namespace(&mut self, name: &str) {
        self.run(format!("ip netns add {name}"));
        self.run(format!(
            "ip netns exec {name} sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1"
        ));
        self.run(format!("ip -n {name} link set lo up"));
    }

    fn port(&mut self, number: u8) {
        let dev = format!("p{number}");
        let mac = station(Ipv4Addr::new(10, 0, number, 1));
        self.run(format!(
            "ip -n r link add {dev} address {} type veth peer name x{dev} address 02:ff:00:00:00:{number:02x} netns x",
            show_mac(mac)
        ));
        self.run(format!("ip -n x link set x{dev} up"));
        self.run(format!("ip -n r link set {dev} up"));
        self.ports.push(Port { dev, mac, net: number, gateway: mac });
    }

    /// Makes a bridge of two or more ports.
    fn bridge(&mut self, dice: &mut Dice) {
        const NET: u8 = 30;
        let mac = station(Ipv4Addr::new(10, 0, NET, 1));
        self.has_bridge = true;
        // Filters on bridges check the IP headers of what they see, even where there is no rule.
        let filters = ["iptables", "ip6tables", "arptables"];
        let filters = filters.map(|filter| format!(" net.bridge.bridge-nf-call-{filter}=0"));
        self.run(format!("ip netns exec r sysctl -qw{}", filters.concat()));
        self.run(format!(
            "ip -n r link add br0 address {} type bridge mcast_snooping 0",
            show_mac(mac)
        ));
        let members = dice.within(2, u32::try_from(self.ports.len()).unwrap_or(2));
        let members = usize::try_from(members).unwrap_or(2);
        for index in 0..members {
            let port = &mut self.ports[index];
            port.net = NET;
            port.gateway = mac;
            let dev = port.dev.clone();
            self.run(format!("ip -n r link set {dev} master br0"));
            for flag in ["hairpin", "isolated", "learning", "flood", "bcast_flood", "mcast_flood"] {
                if dice.chance(12) {
                    let value = dice.pick(&["on", "off"]);
                    self.run(format!("bridge -n r link set dev {dev} {flag} {value}"));
                }
            }
        }
        self.run("ip -n r link set br0 up".to_owned());
        if dice.chance(20) {
            let mask = dice.pick(&["0x4000", "0x8", "0xfff8"]);
            self.run(format!("ip -n r link set br0 type bridge group_fwd_mask {mask}"));
        }
        if dice.chance(75) {
            self.address("r", "br0", Ipv4Addr::new(10, 0, NET, 1), 24);
        }
    }

    fn address(&mut self, netns: &str, dev: &str, ip: Ipv4Addr, length: u8) {
        self.run(format!("ip -n {netns} addr add {ip}/{length} dev {dev}"));
        self.local.push(ip);
    }

    /// Gives every port that is in no bridge an address, some a second one.
    fn addresses(&mut self, dice: &mut Dice) {
        for port in self.ports.clone() {
            if port.gateway != port.mac {
                continue;
            }
            self.address("r", &port.dev, port.host(1), dice.pick(&[24, 24, 24, 25]));
            if dice.chance(15) {
                self.address("r", &port.dev, port.host(9), dice.pick(&[24, 32, 25]));
            }
        }
        if dice.chance(15) {
            self.address("r", "lo", Ipv4Addr::new(10, 99, 0, 1), 32);
        }
    }

    fn tunnel(&mut self, dice: &mut Dice) {
        const NET: u8 = 40;
        let Some(via) = self.ports.iter().find(|port| port.gateway == port.mac).cloned() else {
            return;
        };
        let local = via.host(1);
        let mac = station(Ipv4Addr::new(10, 0, NET, 1));
        let udp_port = dice.pick(&[4789, 8472]);
        let options = [
            if dice.chance(40) { " nolearning" } else { "" },
            if dice.chance(30) { " noudpcsum" } else { "" },
            if dice.chance(20) { " ttl 9" } else { "" },
        ]
        .concat();
        self.run(format!(
            "ip -n r link add vx0 address {} type vxlan id 42 dstport {udp_port} local {local} dev {}{options} srcport 50000 50001",
            show_mac(mac),
            via.dev
        ));
        self.run("ip -n r link set vx0 up".to_owned());
        if self.has_bridge && dice.chance(60) {
            self.run("ip -n r link set vx0 master br0".to_owned());
        } else {
            self.address("r", "vx0", Ipv4Addr::new(10, 0, NET, 1), 24);
        }
        for last in [2, 3] {
            if dice.chance(70) {
                let end = via.host(last);
                self.run(format!("bridge -n r fdb append 00:00:00:00:00:00 dev vx0 dst {end}"));
            }
            if dice.chance(50) {
                let (inside, end) =
                    (Ipv4Addr::new(10, 0, NET, last), via.host(dice.pick(&[2, 3, 4])));
                let mac = show_mac(station(inside));
                self.run(format!("bridge -n r fdb append {mac} dev vx0 dst {end}"));
            }
        }
        self.tunnel = Some(Tunnel { vni: 42, udp_port, local, mac, net: NET, via: via.dev });
    }

    fn macvlan(&mut self, dice: &mut Dice) {
        let Some(parent) = self.ports.iter().find(|port| port.gateway == port.mac).cloned() else {
            return;
        };
        self.namespace("m");
        self.has_macvlan = true;
        let mode = dice.pick(&["bridge", "private"]);
        let ip = parent.host(11);
        self.run(format!(
            "ip -n r link add m0 link {} address {} type macvlan mode {mode}",
            parent.dev,
            show_mac(station(ip))
        ));
        self.run("ip -n r link set m0 netns m".to_owned());
        self.run("ip -n m link set m0 up".to_owned());
        self.address("m", "m0", ip, 24);
    }

    /// A host with a stack of its own on a wire to the router.
    fn second_host(&mut self, dice: &mut Dice) {
        self.namespace("b");
        self.has_second_host = true;
        self.sysctl("b", "conf.all.rp_filter=0 conf.default.rp_filter=0 fib_multipath_hash_seed=7");
        self.sysctl("b", "conf.all.send_redirects=0 conf.default.send_redirects=0");
        // Timestamps start at a random number.
        self.sysctl("r", "tcp_timestamps=0");
        self.sysctl("b", "tcp_timestamps=0");
        self.run("ip -n r link add w0 address 02:00:00:00:14:01 type veth peer name w0 address 02:00:00:00:14:02 netns b".to_owned());
        self.run("ip -n r link set w0 up".to_owned());
        self.run("ip -n b link set w0 up".to_owned());
        self.address("r", "w0", Ipv4Addr::new(10, 0, 20, 1), 24);
        self.address("b", "w0", Ipv4Addr::new(10, 0, 20, 2), 24);
        self.run("ip -n b route add default via 10.0.20.1".to_owned());
        if dice.chance(50) {
            self.address("b", "lo", Ipv4Addr::new(10, 77, 0, 1), 32);
            self.run("ip -n r route add 10.77.0.0/16 via 10.0.20.2".to_owned());
        }
        if dice.chance(40) {
            self.sysctl("b", "ip_forward=1");
        }
        if dice.chance(30) {
            let mtu = dice.pick(&[600, 1000, 1280]);
            self.has_narrow_wire = true;
            self.run(format!("ip -n r link set w0 mtu {mtu}"));
        }
    }

    /// The devices with subnets, each with the third byte of its subnet.
    fn subnets(&self) -> Vec<(String, u8)> {
        let mut subnets: Vec<(String, u8)> = self
            .ports
            .iter()
            .filter(|port| port.gateway == port.mac)
            .map(|port| (port.dev.clone(), port.net))
            .collect();
        if self.has_bridge && self.local.contains(&Ipv4Addr::new(10, 0, 30, 1)) {
            subnets.push(("br0".to_owned(), 30));
        }
        if self.local.contains(&Ipv4Addr::new(10, 0, 40, 1)) {
            subnets.push(("vx0".to_owned(), 40));
        }
        subnets
    }

    fn neighbours(&mut self, dice: &mut Dice) {
        for (dev, net) in self.subnets() {
            for last in 2..=5 {
                let ip = Ipv4Addr::new(10, 0, net, last);
                let state = match dice.below(100) {
                    0..70 => "permanent",
                    70..78 => "noarp",
                    78..88 => "stale",
                    _ => continue,
                };
                let mac = show_mac(station(ip));
                self.run(format!("ip -n r neigh add {ip} lladdr {mac} dev {dev} nud {state}"));
            }
        }
    }

    /// A next hop, as `ip route` takes it.
    fn hop(&self, dice: &mut Dice) -> String {
        let subnets = self.subnets();
        if subnets.is_empty() {
            return "dev lo".to_owned();
        }
        let (dev, net) = dice.pick(&subnets);
        format!("via 10.0.{net}.{} dev {dev}", dice.within(2, 5))
    }

    fn routes(&mut self, dice: &mut Dice) {
        for _ in 0..dice.within(1, 6) {
            let third = u8::try_from(dice.below(4)).expect("below 4");
            let fourth = dice.byte();
            let length = dice.pick(&[0, 8, 16, 16, 20, 24, 24, 32]);
            let ip = Ipv4Addr::new(10, 50, third, fourth);
            self.remote.push(ip);
            let prefix = prefix(ip, length);
            let kind = match dice.below(100) {
                0..55 => self.hop(dice),
                55..65 => format!(
                    "nexthop {} weight {} nexthop {} weight {}",
                    self.hop(dice),
                    dice.within(1, 4),
                    self.hop(dice),
                    dice.within(1, 4)
                ),
                65..75 => self
                    .hop(dice)
                    .rsplit_once(" dev ")
                    .map_or_else(|| "dev lo".to_owned(), |(_, dev)| format!("dev {dev}")),
                _ => String::new(),
            };
            let special = if kind.is_empty() {
                dice.pick(&["unreachable ", "blackhole ", "prohibit ", "throw "])
            } else {
                ""
            };
            let mut options = String::new();
            if dice.chance(20) {
                options += dice.pick(&[" metric 1", " metric 2", " metric 3"]);
            }
            if dice.chance(12) {
                options += " tos ";
                options += dice.pick(&["0x08", "0x10"]);
            }
            if dice.chance(15) {
                options.push_str(" table 100");
            }
            let order = dice.pick(&["append", "prepend", "replace"]);
            let route = format!("{special}{prefix}{options} {kind}");
            // The kernel refuses what is there already.
            if !self.setup.iter().any(|line| line.ends_with(&route)) {
                self.run(format!("ip -n r route {order} {route}"));
            }
        }
    }

    fn rules(&mut self, dice: &mut Dice) {
        if !dice.chance(35) {
            return;
        }
        self.run("ip -n r route append unreachable 10.50.9.0/24 table 100".to_owned());
        for pref in 0..dice.within(1, 3) {
            let port = dice.pick(&self.ports).clone();
            let selector = match dice.below(7) {
                0 => format!("from {}", port.host(2)),
                1 => "to 10.50.0.0/16".to_owned(),
                2 => format!("iif {}", port.dev),
                3 => "tos 0x10".to_owned(),
                4 => format!("not from {}", port.host(3)),
                5 => "ipproto udp dport 53".to_owned(),
                _ => "fwmark 5".to_owned(),
            };
            let action = dice.pick(&[
                "lookup 100",
                "lookup main",
                "lookup main suppress_prefixlength 0",
                "blackhole",
                "prohibit",
                "goto 32766",
            ]);
            self.run(format!("ip -n r rule add pref {} {selector} {action}", 100 + pref));
        }
    }

    fn switches(&mut self, dice: &mut Dice) {
        const PER_DEVICE: [(&str, &[u8]); 14] = [
            ("rp_filter", &[0, 1, 2]),
            ("arp_ignore", &[0, 1, 2, 8]),
            ("arp_announce", &[0, 1, 2]),
            ("arp_filter", &[0, 1]),
            ("arp_accept", &[0, 1, 2]),
            ("proxy_arp", &[0, 1]),
            ("proxy_arp_pvlan", &[0, 1]),
            ("route_localnet", &[0, 1]),
            ("accept_local", &[0, 1]),
            ("accept_source_route", &[0, 1]),
            ("bc_forwarding", &[0, 1]),
            ("drop_gratuitous_arp", &[0, 1]),
            ("drop_unicast_in_l2_multicast", &[0, 1]),
            ("forwarding", &[0, 1]),
        ];
        const PER_HOST: [(&str, &[u8]); 7] = [
            ("icmp_echo_ignore_all", &[0, 1]),
            ("icmp_echo_ignore_broadcasts", &[0, 1]),
            ("ip_default_ttl", &[64, 9, 255]),
            ("icmp_errors_use_inbound_ifaddr", &[0, 1]),
            ("fib_multipath_hash_policy", &[0, 1]),
            ("ip_forward_use_pmtu", &[0, 1]),
            ("ip_forward_update_priority", &[0, 1]),
        ];
        let mut widens = false;
        let mut devices = vec!["all".to_owned()];
        devices.extend(self.subnets().into_iter().map(|(dev, _)| dev));
        for dev in &devices {
            if dev != "all" {
                self.sysctl("r", &format!("neigh.{dev}.proxy_delay=0"));
            }
            for (name, values) in PER_DEVICE {
                if dice.chance(7) {
                    let value = dice.pick(values);
                    self.sysctl("r", &format!("conf.{dev}.{name}={value}"));
                    widens |= name == "route_localnet" && value == 1;
                }
            }
        }
        if widens {
            // Linux keeps the source that a route gives until an address comes or goes.
            self.run("ip -n r addr add 10.98.0.1/32 dev lo".to_owned());
            self.run("ip -n r addr del 10.98.0.1/32 dev lo".to_owned());
        }
        for (name, values) in PER_HOST {
            if dice.chance(10) {
                let value = dice.pick(values);
                self.sysctl("r", &format!("{name}={value}"));
            }
        }
    }
}

/// Writes a prefix with its host bits cleared.
fn prefix(ip: Ipv4Addr, length: u32) -> String {
    let mask = u32::MAX.checked_shl(32 - length).unwrap_or(0);
    format!("{}/{length}", Ipv4Addr::from(u32::from(ip) & mask))
}
