//! What is written about packets, as Linux 6.18 wrote it.

use crate::id::DevId;
use crate::ip::lab::Bench;
use crate::kernel::{Flight, Kernel, Place};
use crate::link::receive::eth_type_trans;
use crate::netfilter::Hook;
use crate::netfilter::log::{self, Details};
use crate::netfilter::xtables::packet::Seen;
use crate::netfilter::xtables::trace;
use crate::packet::hex::from_hex;
use crate::packet::rewrite::ip_decrease_ttl;
use crate::route::{Dst, RouteType};
use crate::trace::{Event, Moment, Observer};

use super::lab::{seen, target};

/// `#` names a case, `<` is the packet that `c0` received, `>` what `LOG` said of it in `FORWARD` from `SRC=` on,
/// and `+` what it said with `--log-tcp-sequence --log-tcp-options --log-ip-options`. `|` ends each.
const LOGGED: &str = include_str!("logged.txt");
/// The same, but `>` is what `xtables-monitor --trace` said of it in `PREROUTING`, behind the number.
const MONITORED: &str = include_str!("monitored.txt");

/// A packet that `c0` has received, at `hook`.
fn received(bench: &mut Bench, packet: &str, hook: Hook) -> Flight {
    let dev = bench.dev("c0");
    let mut skb = bench.k.skb();
    skb.put(&from_hex(&format!("0200000001010200000001020800{packet}")).unwrap());
    let flow = bench.k.new_flow();
    let mut f = Flight::new(skb, Place::Hook(hook), bench.r, dev, flow);
    eth_type_trans(&mut bench.k.devs[dev], &mut f);
    f.skb.reset_network_header();
    f.iif = Some(dev);
    if hook == Hook::Forward {
        ip_decrease_ttl(f.skb.network_header_mut());
        f.dst = Some(Dst::on_link(bench.dev("s0"), RouteType::Unicast));
    }
    f
}

/// Where a packet is that has no sound header.
fn seen_anyhow(f: &Flight, hook: Hook) -> Seen {
    Seen { hook, ..seen(f, hook) }
}

#[test]
fn the_log_says_of_a_packet_what_the_kernel_says() {
    let mut count = 0;
    for case in LOGGED.split("# ").skip(1) {
        let mut bench = Bench::new();
        let mut lines = case.lines();
        let name = lines.next().unwrap();
        let f = received(&mut bench, &lines.next().unwrap()[2..], Hook::Forward);
        let plain = lines.next().unwrap().strip_prefix("> ").unwrap();
        let whole = lines.next().map_or(plain, |line| line.strip_prefix("+ ").unwrap());
        let all = Details(Details::DEFAULT.0);
        let start = "IN=c0 OUT=s0 MAC=02:00:00:00:01:01:02:00:00:00:01:02:08:00 ";
        for (details, said) in [(Details::default(), plain), (all, whole)] {
            let at = seen_anyhow(&f, Hook::Forward);
            let line = log::line(&bench.k, &f, &at, details, "");
            assert_eq!(format!("{line}|"), format!("{start}{said}"), "{name}");
        }
        count += 1;
    }
    assert!(count > 30);
}

/// A datagram 10.0.1.2:5000 > 10.0.2.2:80.
const DATAGRAM: &str = "45b9001e000700004011630c0a0001020a00020213880050000a6c956869";

#[test]
fn the_link_header_is_told_in_words_if_that_is_wished() {
    let mut bench = Bench::new();
    let f = received(&mut bench, DATAGRAM, Hook::Forward);
    let at = seen(&f, Hook::Forward);
    let line = log::line(&bench.k, &f, &at, Details::MAC_DECODE, "kwM: ");
    let said = "kwM: IN=c0 OUT=s0 MACSRC=02:00:00:00:01:02 MACDST=02:00:00:00:01:01 MACPROTO=0800 SRC=10.0.1.2 DST=10.0.2.2 LEN=30 TOS=0x18 PREC=0xA0 TTL=63 ID=7 PROTO=UDP SPT=5000 DPT=80 LEN=10 ";
    assert_eq!(line, said);
}

#[test]
fn a_packet_of_this_host_has_no_link_header_yet_and_its_mark_is_told() {
    let mut bench = Bench::new();
    let mut f = received(&mut bench, DATAGRAM, Hook::Output);
    (f.iif, f.skb.meta.mark) = (None, 0xbeef);
    f.dst = Some(Dst::on_link(bench.dev("s0"), RouteType::Unicast));
    let line = log::line(&bench.k, &f, &seen(&f, Hook::Output), Details::default(), "");
    let said = "IN= OUT=s0 SRC=10.0.1.2 DST=10.0.2.2 LEN=30 TOS=0x18 PREC=0xA0 TTL=64 ID=7 PROTO=UDP SPT=5000 DPT=80 LEN=10 MARK=0xbeef ";
    assert_eq!(line, said);
}

#[test]
fn the_monitor_shows_packets_as_the_real_one_does() {
    for case in MONITORED.split("# ").skip(1) {
        let mut bench = Bench::new();
        let lines: Vec<&str> = case.lines().collect();
        let f = received(&mut bench, &lines[1][2..], Hook::PreRouting);
        let shown = trace::packet(&bench.k, &f, &seen_anyhow(&f, Hook::PreRouting));
        let (_, shown) = shown.trim_end_matches('\n').split_at("PACKET: 2 00000000 ".len());
        assert_eq!(format!("> {shown}|"), lines[2], "{}", lines[0]);
    }
}

/// Keeps what was logged and shown.
#[derive(Default)]
struct Notes(Vec<String>);

impl Observer for Notes {
    const ENABLED: bool = true;

    fn observe(&mut self, _: &Kernel, _: Moment, event: Event<'_>) {
        if let Event::Logged { level, text } = event {
            self.0.push(format!("<{level}>{text}"));
        } else if let Event::Shown { group, prefix, packet } = event {
            self.0.push(format!("{group} {prefix} {}", packet.len()));
        }
    }
}

fn noted(rule: &str) -> Vec<String> {
    let mut bench = Bench::new();
    let mut f = received(&mut bench, DATAGRAM, Hook::Forward);
    let target = target(&format!("filter FORWARD -j {rule}"));
    let mut notes = Notes::default();
    let (at, mut state) = (seen(&f, Hook::Forward), target.state());
    target.apply(&mut bench.k, &mut f, &at, &mut state, &mut notes);
    notes.0
}

#[test]
fn rules_that_log_are_heard_by_who_observes() {
    let line = "IN=c0 OUT=s0 MAC=02:00:00:00:01:01:02:00:00:00:01:02:08:00 SRC=10.0.1.2 DST=10.0.2.2 LEN=30 TOS=0x18 PREC=0xA0 TTL=63 ID=7 PROTO=UDP SPT=5000 DPT=80 LEN=10 ";
    assert_eq!(noted("LOG --log-prefix kw: --log-level info"), [format!("<6>kw:{line}")]);
    assert_eq!(noted("LOG"), [format!("<4>{line}")]);
    let shown = noted("NFLOG --nflog-group 3 --nflog-prefix hi --nflog-size 20");
    assert_eq!(shown, ["3 hi 20"]);
    assert_eq!(noted("NFLOG"), ["0  30"]);
}

#[test]
fn a_device_that_is_gone_has_no_name() {
    let mut bench = Bench::new();
    let f = received(&mut bench, DATAGRAM, Hook::PreRouting);
    let gone: DevId = bench.dev("s0");
    let at = Seen { oif: Some(gone), ..seen(&f, Hook::PreRouting) };
    bench.k.devs.remove(gone);
    assert!(log::line(&bench.k, &f, &at, Details::default(), "").starts_with("IN=c0 OUT= "));
}
