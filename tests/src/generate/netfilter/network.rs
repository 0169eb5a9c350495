//! The networks of the netfilter cases: a router between clients and servers, or a host whose clients sit on a
//! bridge that netfilter looks into. The far ends are in a passive namespace `x`.

use std::net::Ipv4Addr;

use super::super::dice::Dice;
use super::super::frame::{Mac, show_mac, station};

/// A network, and what rules and traffic have to know of it.
#[derive(Debug)]
pub(super) struct Network {
    pub(super) setup: Vec<String>,
    /// The devices that clients and servers come in by.
    pub(super) clients: Side,
    pub(super) servers: Side,
    /// The ports of the bridge that the clients sit on, if they do.
    pub(super) bridge_ports: Vec<String>,
}

/// One side of the router.
#[derive(Debug, Clone)]
pub(super) struct Side {
    /// The device that has the address.
    pub(super) dev: String,
    /// The devices that can be injected into.
    pub(super) ports: Vec<String>,
    /// The third byte of its subnet.
    pub(super) net: u8,
    pub(super) mac: Mac,
}

impl Side {
    fn new(dev: &str, ports: &[&str], net: u8) -> Self {
        let ports = ports.iter().map(|port| (*port).to_owned()).collect();
        let mac = station(Ipv4Addr::new(10, 0, net, 1));
        Self { dev: dev.to_owned(), ports, net, mac }
    }

    pub(super) fn host(&self, last: u8) -> Ipv4Addr {
        Ipv4Addr::new(10, 0, self.net, last)
    }

    /// The port behind which a host sits.
    pub(super) fn port_of(&self, host: Ipv4Addr) -> String {
        let place = usize::from(host.octets()[3]) % self.ports.len();
        self.ports[place].clone()
    }
}

/// The hosts on each side.
pub(super) const HOSTS: [u8; 4] = [2, 3, 4, 5];

/// The servers that DNAT mostly chooses.
pub(super) const BACKENDS: [u8; 2] = [2, 3];

/// Draws a network.
pub(super) fn draw(dice: &mut Dice) -> Network {
    let bridged = dice.chance(35);
    let clients = if bridged {
        Side::new("br0", &["p1", "p2", "p3"], 1)
    } else {
        Side::new("c0", &["c0"], 1)
    };
    let servers = Side::new("s0", &["s0"], 2);
    let bridge_ports = if bridged { clients.ports.clone() } else { Vec::new() };
    let mut network = Network { setup: Vec::new(), clients, servers, bridge_ports };
    for name in ["r", "x"] {
        network.run(format!("ip netns add {name}"));
        network.run(format!(
            "ip netns exec {name} sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1"
        ));
        network.run(format!("ip -n {name} link set lo up"));
    }
    network.settings(dice);
    network.devices(dice);
    network.neighbours();
    network
}

impl Network {
    fn run(&mut self, command: String) {
        self.setup.push(command);
    }

    fn sysctl(&mut self, assignments: &str) {
        self.run(format!("ip netns exec r sysctl -qw {assignments}"));
    }

    fn settings(&mut self, dice: &mut Dice) {
        const SOMETIMES: [&str; 9] = [
            "nf_conntrack_acct=1",
            "nf_conntrack_tcp_loose=0",
            "nf_conntrack_tcp_be_liberal=1",
            "nf_conntrack_checksum=0",
            "nf_conntrack_tcp_ignore_invalid_rst=1",
            "nf_conntrack_tcp_max_retrans=1",
            "nf_conntrack_udp_timeout=100",
            "nf_conntrack_tcp_timeout_established=1000",
            "nf_conntrack_generic_timeout=50",
        ];
        self.sysctl("net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0");
        self.sysctl("net.ipv4.conf.all.send_redirects=0 net.ipv4.conf.default.send_redirects=0");
        self.sysctl("net.ipv4.ip_forward=1 net.ipv4.tcp_timestamps=0");
        // How many errors are sent would depend on the clock.
        self.sysctl("net.ipv4.icmp_ratemask=0");
        for setting in SOMETIMES {
            if dice.chance(12) {
                self.sysctl(&format!("net.netfilter.{setting}"));
            }
        }
        let call = u8::from(dice.chance(75));
        if !self.bridge_ports.is_empty() {
            self.sysctl(&format!("net.bridge.bridge-nf-call-iptables={call}"));
        }
        if dice.chance(20) {
            self.sysctl("net.ipv4.conf.all.route_localnet=1");
        }
    }

    fn devices(&mut self, dice: &mut Dice) {
        if !self.bridge_ports.is_empty() {
            let mac = show_mac(self.clients.mac);
            self.run(format!("ip -n r link add br0 address {mac} type bridge mcast_snooping 0"));
        }
        for side in [self.clients.clone(), self.servers.clone()] {
            for (number, port) in side.ports.iter().enumerate() {
                let (net, is_bridged) = (side.net, *port != side.dev);
                let mac = if is_bridged {
                    format!("02:0b:00:00:00:{number:02x}")
                } else {
                    show_mac(side.mac)
                };
                self.run(format!(
                    "ip -n r link add {port} address {mac} type veth peer name x{port} address 02:ff:00:00:{net:02x}:{number:02x} netns x"
                ));
                self.run(format!("ip -n x link set x{port} up"));
                self.run(format!("ip -n r link set {port} up"));
                if is_bridged {
                    self.run(format!("ip -n r link set {port} master br0"));
                    if dice.chance(20) {
                        self.run(format!("bridge -n r link set dev {port} hairpin on"));
                    }
                }
            }
            let (dev, address) = (&side.dev, side.host(1));
            if dev == "br0" {
                self.run("ip -n r link set br0 up".to_owned());
            }
            self.run(format!("ip -n r addr add {address}/24 dev {dev}"));
        }
        self.run("ip -n r route add default via 10.0.2.5 dev s0".to_owned());
        if dice.chance(30) {
            self.run("ip -n r addr add 10.0.2.9/24 dev s0".to_owned());
        }
        if dice.chance(25) {
            self.run("ip -n r rule add fwmark 1 table 100".to_owned());
            self.run("ip -n r route add default via 10.0.2.4 dev s0 table 100".to_owned());
        }
        if dice.chance(15) {
            self.run("ip -n r link set s0 mtu 1000".to_owned());
        }
    }

    fn neighbours(&mut self) {
        for side in [self.clients.clone(), self.servers.clone()] {
            for last in HOSTS {
                let (ip, dev) = (side.host(last), &side.dev);
                let mac = show_mac(station(ip));
                self.run(format!("ip -n r neigh add {ip} lladdr {mac} dev {dev} nud permanent"));
            }
        }
    }
}
