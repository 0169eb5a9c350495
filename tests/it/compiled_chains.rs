//! Long chains are compiled into an index; packets have to meet the same rules with it as without.

use proptest::prelude::*;

use crate::router::{c0, r, router, run};

/// One condition or another, with values that packets have too.
fn conditions() -> impl Strategy<Value = String> {
    // Texts are regular expressions here.
    let dst = r"(|-d 10\.0\.2\.[23]|! -d 10\.0\.2\.2|-d 10\.0\.2\.0/24)";
    let src = r"(||-s 10\.0\.1\.[23]|! -s 10\.0\.1\.2)";
    let proto = prop_oneof![
        Just("".to_owned()),
        "-p (tcp|udp|icmp)",
        "-p (tcp|udp) --dport (53|80|81)",
        "-p (tcp|udp) ! --dport (53|80)",
        "-p (tcp|udp) --dport (50:80|53:53)",
        "-p tcp -m comment --comment words --dport (80|81)",
        "-p udp -m statistic --mode nth --every 2 --packet 0 -m udp --dport 53",
        "-f",
    ];
    (dst, src, proto).prop_map(|(dst, src, proto)| format!("{dst} {src} {proto}"))
}

/// The rules of a chain: long enough to be compiled, mostly.
fn chain(targets: &'static str) -> impl Strategy<Value = Vec<String>> {
    let rule = (conditions(), targets).prop_map(|(what, target)| format!("{what} {target}"));
    prop::collection::vec(rule, 4..24)
}

/// A packet from the client's side: protocol, ports, and what is wrong with it.
fn packet() -> impl Strategy<Value = Vec<u8>> {
    let end = (2..4_u8, 2..4_u8);
    let proto = prop_oneof![Just(6_u8), Just(17), Just(1), Just(47)];
    let port = prop_oneof![Just(53_u16), Just(80), Just(81), Just(9)];
    // The word of flags and offset, and how many bytes there are behind the header.
    let shape = prop_oneof![
        6 => Just((0_u16, 40_usize)),
        1 => Just((0x2000, 40)),
        1 => Just((0x0001, 40)),
        1 => Just((0x0010, 40)),
        1 => (0..24_usize).prop_map(|len| (0, len)),
    ];
    (end, proto, port, shape).prop_map(|((src, dst), proto, port, (frag, len))| {
        let mut frame = vec![2, 0, 0, 0, 1, 1, 2, 0, 0, 0, 1, src, 8, 0];
        let total = u16::try_from(20 + len).unwrap().to_be_bytes();
        let mut ip = [
            0x45, 0, total[0], total[1], 0, 7, 0, 0, 64, proto, 0, 0, 10, 0, 1, src, 10, 0, 2, dst,
        ];
        ip[6..8].copy_from_slice(&frag.to_be_bytes());
        let sum = ip.chunks_exact(2).map(|two| u32::from(u16::from_be_bytes([two[0], two[1]])));
        let sum: u32 = sum.sum();
        let sum = !u16::try_from((sum & 0xffff) + (sum >> 16)).unwrap();
        ip[10..12].copy_from_slice(&sum.to_be_bytes());
        frame.extend(ip);
        let mut payload = vec![0; len];
        for (at, byte) in [0x30, 0x39].into_iter().chain(port.to_be_bytes()).enumerate() {
            if let Some(place) = payload.get_mut(at) {
                *place = byte;
            }
        }
        // The length of TCP's header, and a SYN.
        for (at, byte) in [(12, 0x50), (13, 2)] {
            if let Some(place) = payload.get_mut(at) {
                *place = byte;
            }
        }
        frame.extend(payload);
        frame
    })
}

fn world(rules: &[String], packets: &[Vec<u8>], interprets: bool, tool: &str) -> String {
    let mut world = router(3);
    for rule in rules {
        run(&mut world, &format!("ip netns exec r {tool} {rule}"));
    }
    let (r, c0) = (r(&world), c0(&world));
    world.kernel.netns[r].nf.interprets = interprets;
    for packet in packets {
        world.inject(c0, packet);
    }
    run(&mut world, &format!("ip netns exec r {tool} -w -nvxL FORWARD"))
        + &run(&mut world, &format!("ip netns exec r {tool} -w -nvxL A"))
        + &run(&mut world, &format!("ip netns exec r {tool} -w -nvxL B"))
        + &run(&mut world, "ip -n r -s link show")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn packets_meet_the_same_rules_in_a_compiled_chain_as_rule_by_rule(
        forward in chain("|-j ACCEPT|-j A|-j B|-g B|-j DROP"),
        a in chain("|-j RETURN|-j B|-g B|-j ACCEPT"),
        b in chain("|-j RETURN|-j ACCEPT|-j DROP"),
        packets in prop::collection::vec(packet(), 1..40),
        legacy in any::<bool>(),
    ) {
        let mut rules = vec!["-N A".to_owned(), "-N B".to_owned()];
        for (name, chain) in [("FORWARD", forward), ("A", a), ("B", b)] {
            rules.extend(chain.into_iter().map(|rule| format!("-A {name} {rule}")));
        }
        let tool = if legacy { "iptables-legacy" } else { "iptables-nft" };
        let compiled = world(&rules, &packets, false, tool);
        prop_assert_eq!(compiled, world(&rules, &packets, true, tool));
    }
}
