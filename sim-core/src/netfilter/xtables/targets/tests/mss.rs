//! Segment sizes become what Linux 6.18 makes of them.

use std::net::Ipv4Addr;

use crate::ip::lab::Bench;
use crate::netfilter::Hook;
use crate::netfilter::xtables::targets::Sentence;
use crate::packet::hex::{from_hex, to_hex};
use crate::packet::rewrite::ip_decrease_ttl;
use crate::route::{Dst, RouteType};
use crate::trace::DropReason;

use super::lab::{apply, flight};

/// `#` names a case, `<` is the packet that the router received, `>` the one that it passed on, from the IPv4
/// header on. The last octet of the destination chose the rule: 2 `--set-mss 1000`, 3 `--clamp-mss-to-pmtu`, 4
/// `--set-mss 0`, 5 `--set-mss 500`. From the first case with a number in its name on, that says which MTUs
/// devices and routes had.
const OBSERVED: &str = include_str!("mss.txt");

fn passed_on(bench: &mut Bench, packet: &str, mtu: Option<u32>) -> Option<String> {
    let mut f = flight(bench, Hook::Forward, packet);
    ip_decrease_ttl(f.skb.network_header_mut());
    let s0 = bench.dev("s0");
    f.dst = Some(Dst { mtu, ..Dst::on_link(s0, RouteType::Unicast) });
    let rule = match from_hex(packet).unwrap()[19] {
        2 => "--set-mss 1000",
        3 => "--clamp-mss-to-pmtu",
        4 => "--set-mss 0",
        _ => "--set-mss 500",
    };
    let sentence = apply(bench, &mut f, &format!("mangle FORWARD -p tcp -j TCPMSS {rule}"));
    let goes_on = sentence == Sentence::Continue;
    assert!(goes_on || sentence == Sentence::Drop(DropReason::NetfilterDrop));
    goes_on.then(|| to_hex(f.skb.network_header()))
}

/// Gives devices and routes the MTUs that a case's name tells; the route's is returned.
fn arrange(bench: &mut Bench, name: &str) -> Option<u32> {
    let (s0, c0) = (bench.dev("s0"), bench.dev("c0"));
    let (mut at_s0, mut at_c0) = (1500, 1500);
    let mut by_route = None;
    match name {
        "s0 1400" => at_s0 = 1400,
        "s0 1400, c0 1300" => (at_s0, at_c0) = (1400, 1300),
        // The MTU of the only route back is as good as that of its device.
        "s0 1400, 10.0.1.2 by a route of 1200" => (at_s0, at_c0) = (1400, 1200),
        "10.0.2.3 by a route of 900" => by_route = Some(900),
        "s0 68" => at_s0 = 68,
        "no way back" => bench.no_addr("c0", Ipv4Addr::new(10, 0, 1, 1)),
        _ => {}
    }
    (bench.k.devs[s0].mtu, bench.k.devs[c0].mtu) = (at_s0, at_c0);
    by_route
}

#[test]
fn segment_sizes_are_lowered_as_by_the_kernel() {
    let mut count = 0;
    for case in OBSERVED.split("# ").skip(1) {
        let (name, lines) = case.split_once('\n').unwrap();
        if name == "udp" {
            continue;
        }
        let mut bench = Bench::new();
        let mtu = arrange(&mut bench, name);
        let mut lines = lines.lines();
        let received = lines.next().unwrap().strip_prefix("< ").unwrap();
        let passed = passed_on(&mut bench, received, mtu);
        let sent = lines.next().map(|line| line.strip_prefix("> ").unwrap());
        assert_eq!(passed.as_deref(), sent, "{name}");
        count += 1;
    }
    assert!(count > 30);
}
