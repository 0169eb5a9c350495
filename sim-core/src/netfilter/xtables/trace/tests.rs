//! What traces say, as Linux 6.18 and `xtables-monitor` 1.8.9 said it.

use std::net::Ipv4Addr;
use std::sync::Arc;

use crate::ip::lab::Bench;
use crate::kernel::{Flight, Kernel, Place as At};
use crate::netfilter::Hook;
use crate::netfilter::xtables::packet::Seen;
use crate::netfilter::xtables::rule::{Action, IpRule, Rule, TableName};
use crate::netfilter::xtables::table::{Base, Chain, Policy, Ruleset, Variant};
use crate::netfilter::xtables::targets::Sentence;
use crate::packet::hex::from_hex;
use crate::trace::{DropReason, Event, Moment, Observer};

use super::{Place, legacy, nft, verdict};

/// Keeps the lines of traces.
#[derive(Default)]
struct Lines(Vec<String>);

impl Observer for Lines {
    const ENABLED: bool = true;

    fn observe(&mut self, _: &Kernel, _: Moment, event: Event<'_>) {
        if let Event::Traced(traced) = event {
            self.0.extend(traced.text.lines().map(str::to_owned));
        }
    }
}

fn rule(proto: Option<u8>, action: Action) -> Arc<Rule> {
    let ip = IpRule { proto: proto.map(|proto| (proto, false)), ..IpRule::default() };
    Arc::new(Rule { ip, matches: Arc::default(), action })
}

fn chain(name: &str, hook: Option<Hook>, rules: Vec<Arc<Rule>>) -> Chain {
    let base = hook.map(|hook| Base { hook, policy: Policy::Accept, counted: true });
    Chain { rules, ..Chain::new(name, base) }
}

/// A SYN with an option, 10.0.1.2:5000 > 10.0.2.2:80.
const SYN: &str =
    "4500002c000100003f0664c80a0001020a00020213880050000003e8000000006002faf06e720000020405b4";

fn traced(bench: &mut Bench) -> (Flight, Seen) {
    let (c0, s0) = (bench.dev("c0"), bench.dev("s0"));
    let mut skb = bench.k.skb();
    skb.put(&from_hex(&format!("0200000001010200000001020800{SYN}")).unwrap());
    skb.reset_mac_header();
    assert!(skb.pull(14).is_some());
    skb.reset_network_header();
    skb.meta.nf_trace = true;
    let flow = bench.k.new_flow();
    let f = Flight::new(skb, At::Hook(Hook::Forward), bench.r, c0, flow);
    let seen = Seen {
        hook: Hook::Forward,
        variant: Variant::Legacy,
        iif: Some(c0),
        oif: Some(s0),
        physin: None,
        physout: None,
        src: Ipv4Addr::new(10, 0, 1, 2),
        dst: Ipv4Addr::new(10, 0, 2, 2),
        header_len: 20,
        frag_off: 0,
        proto: 6,
    };
    (f, seen)
}

#[test]
fn the_kernel_log_takes_an_unconditional_verdict_for_the_end_of_its_chain() {
    let mut bench = Bench::new();
    let (f, seen) = traced(&mut bench);
    let forward = chain(
        "FORWARD",
        Some(Hook::Forward),
        vec![rule(None, Action::None), rule(Some(6), Action::Return), rule(None, Action::Accept)],
    );
    let one = chain("one", None, vec![rule(None, Action::None), rule(None, Action::Return)]);
    let mut lines = Lines::default();
    for (chain, rule) in [(&forward, 0), (&forward, 1), (&forward, 2), (&forward, 3), (&one, 0)] {
        let place = Place { table: TableName::Filter, chain, rule };
        legacy(&bench.k, &f, &seen, &place, &mut lines);
    }
    for rule in [1, 2] {
        let place = Place { table: TableName::Filter, chain: &one, rule };
        legacy(&bench.k, &f, &seen, &place, &mut lines);
    }
    let packet = "IN=c0 OUT=s0 MAC=02:00:00:00:01:01:02:00:00:00:01:02:08:00 SRC=10.0.1.2 DST=10.0.2.2 LEN=44 TOS=0x00 PREC=0x00 TTL=63 ID=1 PROTO=TCP SPT=5000 DPT=80 SEQ=1000 ACK=0 WINDOW=64240 RES=0x00 SYN URGP=0 OPT (020405B4) ";
    let expected = [
        "filter:FORWARD:rule:1",
        "filter:FORWARD:rule:2",
        "filter:FORWARD:policy:3",
        "filter:FORWARD:policy:4",
        "filter:one:rule:1",
        "filter:one:return:2",
        "filter:one:return:3",
    ];
    let expected = expected.map(|met| format!("TRACE: {met} {packet}"));
    assert_eq!(lines.0, expected);
}

#[test]
fn the_monitor_shows_the_packet_once_a_table_and_says_nothing_of_the_ends_of_users_chains() {
    let mut bench = Bench::new();
    let (f, seen) = traced(&mut bench);
    let forward = chain("FORWARD", Some(Hook::Forward), vec![rule(None, Action::None)]);
    let one = chain("one", None, Vec::new());
    let mut lines = Lines::default();
    let at = |chain, rule| Place { table: TableName::Filter, chain, rule };
    let words = (0x5, "-A FORWARD -j one");
    nft(&bench.k, &f, &seen, &at(&forward, 0), "JUMP:one", true, words, &mut lines);
    nft(&bench.k, &f, &seen, &at(&one, 0), "", false, (0, ""), &mut lines);
    nft(&bench.k, &f, &seen, &at(&forward, 1), "DROP", false, (0, ""), &mut lines);
    let id = &lines.0[0]["PACKET: 2 ".len()..]["".len()..8].to_owned();
    assert_eq!(
        lines.0,
        [
            format!(
                "PACKET: 2 {id} IN=c0 OUT=s0 MACSRC=2:0:0:0:1:2 MACDST=2:0:0:0:1:1 MACPROTO=0800 SRC=10.0.1.2 DST=10.0.2.2 LEN=44 TOS=0x0 TTL=63 ID=1 SPORT=5000 DPORT=80 SYN "
            ),
            format!(
                " TRACE: 2 {id} filter:FORWARD:rule:0x5:JUMP:one  -4 -t filter -A FORWARD -j one"
            ),
            format!(" TRACE: 2 {id} filter:FORWARD:policy:DROP "),
        ]
    );
}

#[test]
fn verdicts_have_the_words_of_the_monitor() {
    let rules = Ruleset::default();
    let mark = crate::netfilter::xtables::lab::read_target(
        crate::family::AddressFamily::Inet,
        &["MARK", "--set-mark", "1"],
    );
    let target = Action::Target(mark.unwrap());
    let dropped = Sentence::Drop(DropReason::NetfilterDrop);
    for (action, sentence, word) in [
        (&Action::None, Sentence::Continue, "CONTINUE"),
        (&Action::Accept, Sentence::Continue, "ACCEPT"),
        (&Action::Drop, Sentence::Continue, "DROP"),
        (&Action::Return, Sentence::Continue, "0xfffffffb"),
        (&target, Sentence::Continue, "CONTINUE"),
        (&target, Sentence::Accept, "ACCEPT"),
        (&target, dropped, "DROP"),
    ] {
        assert_eq!(verdict(&rules, action, sentence), word);
    }
}

#[test]
fn nothing_is_told_of_packets_that_are_not_traced() {
    let mut bench = Bench::new();
    let (mut f, seen) = traced(&mut bench);
    f.skb.meta.nf_trace = false;
    let forward = chain("FORWARD", Some(Hook::Forward), Vec::new());
    let mut lines = Lines::default();
    let place = Place { table: TableName::Filter, chain: &forward, rule: 0 };
    legacy(&bench.k, &f, &seen, &place, &mut lines);
    assert_eq!(lines.0, [""; 0]);
}
