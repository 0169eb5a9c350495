//! Commands in the middle of the traffic. Each may fail, and its output is part of what is compared.

use super::dice::Dice;
use super::topology::Topology;

/// Draws a command for the router.
pub(super) fn change(dice: &mut Dice, topology: &Topology) -> String {
    match dice.below(100) {
        0..25 => look(dice, topology),
        25..40 => address(dice, topology),
        40..60 => route(dice, topology),
        60..75 => neighbour(dice, topology),
        75..85 => setting(dice, topology),
        85..93 if topology.has_bridge => bridge(dice, topology),
        _ => link(dice, topology),
    }
}

fn look(dice: &mut Dice, topology: &Topology) -> String {
    let port = dice.pick(&topology.ports);
    let (dev, host) = (&port.dev, port.host(dice.pick(&[2, 3, 4, 5])));
    let far = far(dice, topology);
    match dice.below(11) {
        0 => format!("ip route get {far}"),
        1 => format!("ip route get {host} from {far} iif {dev}"),
        2 => format!("ip route get {far} from {} mark 5", port.host(1)),
        3 => format!("ip route get {far} tos 0x10 oif {dev}"),
        4 => "ip -s neigh show".to_owned(),
        5 => "ip route show table all".to_owned(),
        6 => format!("ip addr show dev {dev}"),
        7 => "ip rule show".to_owned(),
        8 => format!("ip -s link show dev {dev}"),
        9 if topology.has_bridge => "bridge -d link show".to_owned(),
        9 => "ip -br addr show".to_owned(),
        _ if topology.has_bridge => "bridge fdb show br br0".to_owned(),
        _ => "ip route show cache".to_owned(),
    }
}

fn address(dice: &mut Dice, topology: &Topology) -> String {
    let port = dice.pick(&topology.ports);
    let (dev, net) = (&port.dev, port.net);
    let length = dice.pick(&[24, 25, 32]);
    match dice.below(6) {
        0 => format!("ip addr add 10.0.{net}.33/{length} dev {dev}"),
        1 => format!("ip addr add 10.0.{net}.34/{length} dev {dev} scope link"),
        2 => format!("ip addr add 10.0.{net}.35 peer 10.0.{net}.36 dev {dev}"),
        3 => format!("ip addr replace 10.0.{net}.33/24 brd + dev {dev}"),
        4 => format!("ip addr del {}/24 dev {dev}", port.host(1)),
        _ => format!("ip addr flush dev {dev}"),
    }
}

fn route(dice: &mut Dice, topology: &Topology) -> String {
    let port = dice.pick(&topology.ports);
    let (dev, host) = (&port.dev, port.host(dice.pick(&[2, 3, 4, 5])));
    let far = far(dice, topology);
    match dice.below(10) {
        0 => format!("ip route add {far}/32 via {host}"),
        1 => format!("ip route replace {far}/32 dev {dev}"),
        2 => format!("ip route del {far}/32"),
        3 => format!("ip route append {far}/32 via {host} metric 5"),
        4 => format!("ip route replace {far}/32 via {host} mtu 700 src {}", port.host(1)),
        5 => format!("ip route replace {far}/32 via {host} dev {dev} onlink"),
        6 => format!("ip route add prohibit {far}/32 metric 1"),
        7 => format!("ip rule add pref 90 from {host} lookup 100"),
        8 => "ip rule del pref 90".to_owned(),
        _ => format!("ip route flush root 10.50.0.0/16 dev {dev}"),
    }
}

fn neighbour(dice: &mut Dice, topology: &Topology) -> String {
    let port = dice.pick(&topology.ports);
    let (dev, last) = (&port.dev, dice.pick(&[2, 3, 4, 5]));
    let host = port.host(last);
    let state = dice.pick(&["permanent", "stale", "noarp"]);
    match dice.below(5) {
        0 => format!("ip neigh replace {host} lladdr 02:00:00:00:bb:0{last} dev {dev} nud {state}"),
        1 => format!("ip neigh del {host} dev {dev}"),
        2 => format!("ip neigh add proxy 10.0.{}.77 dev {dev}", port.net),
        3 => format!("ip neigh flush dev {dev} nud stale"),
        _ => format!("ip neigh get {host} dev {dev}"),
    }
}

fn setting(dice: &mut Dice, topology: &Topology) -> String {
    let port = dice.pick(&topology.ports);
    let name = dice.pick(&[
        "rp_filter",
        "arp_ignore",
        "arp_announce",
        "arp_filter",
        "proxy_arp",
        "forwarding",
        "accept_local",
        "drop_gratuitous_arp",
        "arp_accept",
    ]);
    let dev = dice.pick(&[port.dev.as_str(), "all"]);
    let value = dice.below(3);
    format!("sysctl -w net.ipv4.conf.{dev}.{name}={value}")
}

fn bridge(dice: &mut Dice, topology: &Topology) -> String {
    let dev = dice.pick(&topology.ports).dev;
    let last = dice.within(2, 5);
    match dice.below(6) {
        0 => format!("bridge fdb add 02:00:00:00:1e:0{last} dev {dev} master static"),
        1 => format!("bridge fdb replace 02:00:00:00:1e:0{last} dev {dev} master"),
        2 => format!("bridge fdb del 02:00:00:00:1e:0{last} dev {dev} master"),
        3 => format!("bridge link set dev {dev} hairpin on"),
        4 => format!("bridge link set dev {dev} learning off"),
        _ => format!("bridge link set dev {dev} isolated on"),
    }
}

fn link(dice: &mut Dice, topology: &Topology) -> String {
    let dev = dice.pick(&topology.ports).dev;
    match dice.below(5) {
        0 => format!("ip link set {dev} mtu {}", dice.pick(&[600, 1400, 1500])),
        1 => format!("ip link set {dev} promisc on"),
        2 => format!("ip link set {dev} arp off"),
        3 => format!("ip link set {dev} address 02:00:00:00:cc:01"),
        _ => format!("ip link set {dev} nomaster"),
    }
}

/// A place far away: mostly one that a route leads to.
fn far(dice: &mut Dice, topology: &Topology) -> String {
    if topology.remote.is_empty() {
        return "10.50.0.1".to_owned();
    }
    dice.pick(&topology.remote).to_string()
}
