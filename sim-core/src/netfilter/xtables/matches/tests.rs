//! Matches against what was seen with iptables 1.8.9 on Linux 6.18.
//!
//! `transcripts/NAME.text` has what the tools said about rules: what is wrong with them, how `-S` writes and `-L`
//! shows them, and what the kernel answers. `transcripts/NAME.seen` has what such rules said about packets: `+` if
//! they matched, `-` if not, `!` if the packet ended there. Lines without an engine hold for both.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use crate::family::AddressFamily;
use crate::id::{DevId, NetnsId};
use crate::kernel::{Flight, Place as FlightPlace, SentBy};
use crate::link::receive::eth_type_trans;
use crate::netfilter::Hook;
use crate::netfilter::conntrack::{Conn, CtInfo, CtRef, Status, Template, Tuple};
use crate::netfilter::xtables::extension::{Context, Place, Problem, Style};
use crate::netfilter::xtables::lab::read_match;
use crate::netfilter::xtables::matches::{Account, MATCHES, Match, Matched, Quota, Shared};
use crate::netfilter::xtables::packet::Seen;
use crate::netfilter::xtables::rule::TableName;
use crate::netfilter::xtables::table::Variant;
use crate::netfilter::xtables::value;
use crate::packet::IpProto;
use crate::packet::hex::from_hex;
use crate::socket::{self, SocketType};
use crate::time::{HZ, SimTime};
use crate::tools::Outcome;
use crate::world::World;

/// One rule and the lines about it.
struct Asked<'t> {
    rule: &'t str,
    lines: Vec<&'t str>,
}

fn asked(transcript: &str) -> Vec<Asked<'_>> {
    let mut found: Vec<Asked<'_>> = Vec::new();
    for line in transcript.lines().filter(|line| !line.starts_with('#')) {
        if let Some(rule) = line.strip_prefix("$ ") {
            found.push(Asked { rule, lines: Vec::new() });
        } else if let Some(last) = found.last_mut() {
            last.lines.push(line);
        }
    }
    assert!(!found.is_empty());
    found
}

impl<'t> Asked<'t> {
    /// What was said in one engine under `label`.
    fn said(&self, variant: Variant, label: &str) -> Option<&'t str> {
        let engine = match variant {
            Variant::Nft => "nft ",
            Variant::Legacy => "legacy ",
        };
        self.lines.iter().find_map(|line| {
            let line = line.strip_prefix(engine).unwrap_or(line);
            line.strip_prefix(label)?.strip_prefix(':')
        })
    }
}

/// A rule with one match, in words.
struct Words {
    family: AddressFamily,
    table: TableName,
    hook: Hook,
    proto: Option<(u8, bool)>,
    of_match: Vec<String>,
}

fn words(rule: &str, family: AddressFamily) -> Words {
    let mut words = shell(rule).into_iter().peekable();
    let mut read = Words {
        family,
        table: TableName::Filter,
        hook: Hook::Input,
        proto: None,
        of_match: Vec::new(),
    };
    let mut invert = false;
    while let Some(word) = words.next() {
        match word.as_str() {
            "!" => invert = true,
            "-p" => {
                read.proto = Some((value::protocol(&words.next().unwrap()).unwrap(), invert));
                read.proto = read.proto.filter(|(proto, _)| *proto != 0);
            }
            "-m" => {
                read.of_match = words.take_while(|word| word != "-j").collect();
                break;
            }
            place => {
                let (table, chain) = place.strip_prefix('@').unwrap().split_once('/').unwrap();
                let hooks =
                    [Hook::PreRouting, Hook::Input, Hook::Forward, Hook::Output, Hook::PostRouting];
                read.table = TableName::find(table).unwrap();
                read.hook = hooks.into_iter().find(|hook| hook.name() == chain).unwrap();
            }
        }
    }
    read
}

/// Splits a line as a shell does.
fn shell(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match (c, quote) {
            (c, Some(q)) if c == q => quote = None,
            ('\\', Some('"') | None) => word.get_or_insert_default().extend(chars.next()),
            (c, Some(_)) => word.get_or_insert_default().push(c),
            ('"' | '\'', None) => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (' ', None) => words.extend(word.take()),
            (c, None) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

impl Words {
    fn read(&self) -> Result<Match, Problem> {
        let proto = self.proto.map(|(proto, _)| proto.to_string());
        let mut words: Vec<&str> = Vec::new();
        if let Some(proto) = &proto {
            words.extend(self.proto.filter(|(_, invert)| *invert).map(|_| "!"));
            words.extend(["-p", proto]);
        }
        words.extend(self.of_match.iter().map(String::as_str));
        read_match(self.family, &words)
    }

    fn context(&self) -> Context<'_> {
        Context { variant: Variant::Nft, family: self.family, proto: self.proto, tool: "iptables" }
    }

    fn place(&self, variant: Variant) -> Place<'_> {
        Place {
            variant,
            family: self.family,
            table: self.table,
            hooks: std::slice::from_ref(&self.hook),
            proto: self.proto,
            matches: &[],
        }
    }

    /// The match as the engine loads it, unless nothing is left of it.
    fn load(&self, variant: Variant) -> Result<Option<Match>, Problem> {
        match variant {
            Variant::Nft => self.read()?.into_nft(&self.context()),
            Variant::Legacy => self.read().map(Some),
        }
    }
}

/// Holds the texts of an extension against the transcript.
fn texts(transcript: &str) {
    let family = match transcript.starts_with("# What ip6tables") {
        true => AddressFamily::Inet6,
        false => AddressFamily::Inet,
    };
    for asked in asked(transcript) {
        let words = words(asked.rule, family);
        for variant in [Variant::Nft, Variant::Legacy] {
            let rule = format!("{variant:?}: {}", asked.rule);
            let said = |label| asked.said(variant, label);
            let mut loaded = match words.load(variant) {
                Ok(loaded) => loaded,
                Err(problem) => {
                    let text = problem.to_string().replace('\n', "\\n");
                    assert_eq!(Some(&*text), said("problem"), "{rule}");
                    continue;
                }
            };
            assert_eq!(None, said("problem"), "{rule}");
            let admitted = loaded.as_ref().map_or(Ok(()), |m| {
                m.admit(&words.place(variant)).and_then(|()| m.attach(&mut accounts(), 0))
            });
            assert_eq!(admitted.err().map(|errno| errno.message()), said("errno"), "{rule}");
            if admitted.is_err() {
                continue;
            }
            if let Some(kept) = loaded.as_ref().and_then(|m| m.kept(variant)) {
                loaded = Some(kept);
            }
            let remark = loaded.as_ref().and_then(Match::remark);
            assert_eq!(remark.as_deref().map(str::trim_end), said("remark"), "{rule}");
            let text = |write: fn(&Match, Style, &mut String), numeric| {
                let mut out = String::new();
                let style = Style { family: words.family, numeric, quoted: false };
                loaded.iter().for_each(|m| write(m, style, &mut out));
                out
            };
            assert_eq!(Some(&*text(Match::save, true)), said("save"), "{rule}");
            assert_eq!(Some(&*text(Match::print, false)), said("list"), "{rule}");
            assert_eq!(Some(&*text(Match::print, true)), said("numeric"), "{rule}");
        }
    }
}

/// The accounts that there were.
fn accounts() -> Shared {
    let quotas = [
        ("all", None),
        ("three", Some(Quota::Packets(3))),
        ("bytes", Some(Quota::Bytes(100))),
        ("a b", None),
        ("0123456789012345678901234567890", None),
    ];
    let account =
        |(name, quota): (&str, _)| (name.to_owned(), Account { quota, ..Account::default() });
    Shared { accounts: quotas.map(account).into(), ..Shared::default() }
}

/// A packet of a transcript.
struct Packet<'t> {
    name: &'t str,
    frame: Vec<u8>,
    mark: u32,
    /// How long after the one before it came at least, in milliseconds.
    after: u64,
}

fn packets(transcript: &str) -> Vec<Packet<'_>> {
    let lines = transcript.lines().filter_map(|line| line.strip_prefix("packet "));
    lines
        .map(|line| {
            let mut words = line.split(' ');
            let (name, frame) = (words.next().unwrap(), from_hex(words.next().unwrap()).unwrap());
            let mut packet = Packet { name, frame, mark: 0, after: 0 };
            for word in words {
                match word.split_once('=').unwrap() {
                    ("mark", mark) => packet.mark = u32::from_str_radix(&mark[2..], 16).unwrap(),
                    ("after", after) => packet.after = after.parse().unwrap(),
                    other => panic!("{other:?}"),
                }
            }
            packet
        })
        .collect()
}

/// A host that has 10.0.0.1/24 on its device `v0`.
struct Bench {
    world: World,
    netns: NetnsId,
}

const SETUP: &str = "\
    ip link add v0 address 02:00:00:00:00:01 type veth peer name p0 address 02:00:00:00:00:02
    ip addr add 10.0.0.1/24 dev v0
    ip link set lo up
    ip link set p0 up
    ip link set v0 up";

impl Bench {
    /// A host that was set up further by the commands of the transcript.
    fn new(transcript: &str) -> Self {
        let mut world = World::new(1);
        let netns = world.add_netns("b").unwrap();
        let mut bench = Self { world, netns };
        let further = transcript.lines().filter_map(|line| line.strip_prefix("setup "));
        for command in SETUP.lines().chain(further) {
            let words: Vec<String> = command.split_whitespace().map(str::to_owned).collect();
            let outcome = bench.world.run_command(netns, &words).unwrap();
            assert_eq!(outcome, Outcome::default(), "{command}");
        }
        bench
    }

    fn shared(&mut self) -> &mut Shared {
        &mut self.world.kernel.netns[self.netns].nf.shared
    }

    fn dev(&self, name: &str) -> DevId {
        self.world.kernel.dev_by_name(self.netns, name.parse().unwrap()).unwrap()
    }

    /// A packet that `v0` has received, as rules see it in `PREROUTING`.
    fn receive(&mut self, packet: &Packet<'_>, variant: Variant) -> (Flight, Seen) {
        let v0 = self.dev("v0");
        let k = &mut self.world.kernel;
        k.now += Duration::from_millis(packet.after);
        let mut skb = k.skb();
        skb.put(&packet.frame);
        let flow = k.new_flow();
        let place = FlightPlace::Hook(Hook::PreRouting);
        let mut f = Flight::new(skb, place, self.netns, v0, flow);
        eth_type_trans(&mut k.devs[v0], &mut f);
        f.skb.reset_network_header();
        f.skb.meta.mark = packet.mark;
        f.iif = Some(v0);
        let header = f.skb.network_header();
        let seen = Seen {
            hook: Hook::PreRouting,
            variant,
            iif: Some(v0),
            oif: None,
            physin: None,
            physout: None,
            src: Ipv4Addr::from([header[12], header[13], header[14], header[15]]),
            dst: Ipv4Addr::from([header[16], header[17], header[18], header[19]]),
            header_len: usize::from(header[0] & 0xf) * 4,
            frag_off: (u16::from_be_bytes([header[6], header[7]]) & 0x1fff) * 8,
            proto: header[9],
        };
        let len = u16::from_be_bytes([header[2], header[3]]);
        f.skb.trim(len.into());
        (f, seen)
    }
}

/// Holds what an extension says about packets against the transcript.
fn judgements(transcript: &str) {
    let packets = packets(transcript);
    for asked in asked(transcript) {
        let words = words(asked.rule, AddressFamily::Inet);
        for variant in [Variant::Nft, Variant::Legacy] {
            let said = asked.said(variant, "packets").unwrap();
            if said == " refused" {
                continue;
            }
            let rule = format!("{variant:?}: {}", asked.rule);
            let loaded = words.load(variant).unwrap();
            let mut state = loaded.as_ref().map(Match::state).unwrap_or_default();
            let mut bench = Bench::new(transcript);
            let then = transcript.lines().find_map(|line| line.strip_prefix("then "));
            let then = then
                .map(|rule| self::words(rule, AddressFamily::Inet).load(variant).unwrap().unwrap());
            let shared = bench.shared();
            *shared = accounts();
            for m in loaded.iter().chain(&then) {
                m.attach(shared, 0).unwrap();
            }
            let mut judged = String::new();
            for packet in &packets {
                let (f, seen) = bench.receive(packet, variant);
                let asked_for = words.proto.is_none_or(|(proto, not)| (proto == seen.proto) != not);
                let matched = match &loaded {
                    _ if !asked_for => Matched::No,
                    Some(m) => m.matches(&mut bench.world.kernel, &f, &seen, &mut state),
                    None => Matched::Yes,
                };
                if let Some(then) = &then {
                    then.matches(&mut bench.world.kernel, &f, &seen, &mut then.state());
                }
                judged.extend([' '].into_iter().chain(packet.name.chars()).chain([sign(matched)]));
            }
            assert_eq!(judged, said, "{rule}");
        }
    }
}

/// How transcripts write what a match says.
const fn sign(matched: Matched) -> char {
    match matched {
        Matched::Yes => '+',
        Matched::No => '-',
        Matched::Malformed => '!',
    }
}

/// A test of what the tools say of each extension.
macro_rules! texts {
    ($($name:ident)*) => {
        mod the_tools_say_the_same_of_rules_with {
            $(#[test]
            fn $name() {
                super::texts(include_str!(concat!("transcripts/", stringify!($name), ".text")));
            })*
        }
    };
}

/// A test of what the kernel says about packets with each extension.
macro_rules! judgements {
    ($($name:ident)*) => {
        mod the_kernel_says_the_same_about_packets_with {
            $(#[test]
            fn $name() {
                super::judgements(include_str!(concat!("transcripts/", stringify!($name), ".seen")));
            })*
        }
    };
}

texts! {
    addrtype comment connlabel connmark conntrack dscp hashlimit hl icmp icmp6 iprange length limit mac mark multiport nfacct owner
    physdev pkttype recent rpfilter sctp state statistic statistic_order tcp tos ttl u32 udp ipv6
}
judgements! {
    addrtype hashlimit icmp iprange length limit mac mark multiport nfacct pkttype recent recent_list rpfilter sctp statistic
    tcp ttl udp
}

/// A connection of UDP from `src` to `dst`, whose answers come from `answers`.
fn conn(src: (&str, u16), dst: (&str, u16), answers: (&str, u16), status: Status) -> Conn {
    let end = |(addr, port): (&str, u16)| (addr.parse::<IpAddr>().unwrap(), port);
    let confirmed = status.has(Status::CONFIRMED);
    Conn {
        status,
        timeout: 30 * HZ + if confirmed { NOW.jiffies() } else { 0 },
        event_mask: 0,
        ..Conn::between([
            Tuple::new(IpProto::UDP, end(src), end(dst)),
            Tuple::new(IpProto::UDP, end(answers), end(src)),
        ])
    }
}

const NOW: SimTime = SimTime::from_millis(100_000);

/// The packets of `conntrack.seen` in order: first, second and third packet of a flow, an answer, an error about a
/// flow, a reset of no connection, a packet under `NOTRACK`, and one whose destination is translated. Then one that
/// `CT` gave a template to.
#[test]
fn the_kernel_says_the_same_about_packets_of_connections() {
    let (peer, own) = (("10.0.0.2", 1000), ("10.0.0.1", 53));
    let confirmed = |further: Status| Status(Status::CONFIRMED.0 | further.0);
    let ours = || {
        let (src, dst) = (("10.0.0.1", 4000), ("10.0.0.2", 7));
        conn(src, dst, dst, confirmed(Status::SEEN_REPLY))
    };
    let situations = || {
        let part = |conn, info| Some((conn, info));
        [
            ("new", part(conn(peer, own, own, Status(0)), CtInfo::New), CtRef::None),
            ("again", part(conn(peer, own, own, confirmed(Status(0))), CtInfo::New), CtRef::None),
            (
                "established",
                part(conn(peer, own, own, confirmed(Status::SEEN_REPLY)), CtInfo::Established),
                CtRef::None,
            ),
            ("reply", part(ours(), CtInfo::EstablishedReply), CtRef::None),
            ("related", part(ours(), CtInfo::RelatedReply), CtRef::None),
            ("invalid", None, CtRef::None),
            ("untracked", None, CtRef::Untracked),
            (
                "dnat",
                part(
                    conn(("10.0.0.2", 1001), ("10.0.0.1", 8080), own, Status::DST_NAT),
                    CtInfo::New,
                ),
                CtRef::None,
            ),
        ]
    };
    let frame =
        from_hex(&format!("{}0800{}", "02".repeat(12), "45000014".to_owned() + &"0".repeat(32)));
    let packet = Packet { name: "", frame: frame.unwrap(), mark: 0, after: 0 };
    let template = ("template", None, CtRef::Template(Template::default()));
    let transcripts: [(_, Vec<_>); 2] = [
        (include_str!("transcripts/conntrack.seen"), situations().into()),
        (include_str!("transcripts/conntrack_template.seen"), vec![template]),
    ];
    let all = transcripts.into_iter().flat_map(|(transcript, situations)| {
        asked(transcript).into_iter().map(move |asked| (asked, situations.clone()))
    });
    for (asked, situations) in all {
        let words = words(asked.rule, AddressFamily::Inet);
        for variant in [Variant::Nft, Variant::Legacy] {
            let loaded = words.load(variant).unwrap().unwrap();
            let mut bench = Bench::new("");
            bench.world.kernel.now = NOW;
            let mut judged = String::new();
            for (name, part, other) in situations.clone() {
                let (mut f, seen) = bench.receive(&packet, variant);
                let k = &mut bench.world.kernel;
                f.ct = part.map_or(other, |(conn, info)| {
                    CtRef::Tracked(k.netns[f.netns].nf.conntrack.conns.insert(conn), info)
                });
                let matched = loaded.matches(k, &f, &seen, &mut loaded.state());
                judged.extend([' '].into_iter().chain(name.chars()).chain([sign(matched)]));
            }
            assert_eq!(Some(&*judged), asked.said(variant, "packets"), "{}", asked.rule);
        }
    }
}

/// Holds what an extension says in each chain about packets of a known kind against the transcript. `make` makes
/// what rules see of a packet of the kind.
fn judgements_of_kinds(
    transcript: &str,
    setup: &str,
    make: impl Fn(&mut Bench, &str, Hook, &mut Flight, &mut Seen),
) {
    let frame = "02".repeat(12) + "080045000014" + &"0".repeat(32);
    let packet = Packet { name: "", frame: from_hex(&frame).unwrap(), mark: 0, after: 0 };
    for asked in asked(transcript) {
        let words = words(asked.rule, AddressFamily::Inet);
        let said = asked.said(Variant::Nft, "packets").unwrap();
        for variant in [Variant::Nft, Variant::Legacy] {
            let loaded = words.load(variant).unwrap().unwrap();
            loaded.admit(&words.place(variant)).unwrap();
            let mut bench = Bench::new(setup);
            for kind in said.split_whitespace() {
                let (kind, expected) = kind.split_at(kind.len() - 1);
                let (mut f, mut seen) = bench.receive(&packet, variant);
                seen.hook = words.hook;
                make(&mut bench, kind, words.hook, &mut f, &mut seen);
                let matched =
                    loaded.matches(&mut bench.world.kernel, &f, &seen, &mut loaded.state());
                assert_eq!(sign(matched).to_string(), expected, "{} of {kind}", asked.rule);
            }
        }
    }
}

#[test]
fn the_kernel_says_the_same_about_owners_of_packets() {
    judgements_of_kinds(include_str!("transcripts/owner.seen"), "", |bench, kind, _, f, seen| {
        seen.oif = seen.iif.take();
        let socket = match kind {
            "udp" => Some(SocketType::Udp),
            "raw" => Some(SocketType::Raw(IpProto(200))),
            "synack" => Some(SocketType::Tcp),
            _ => None,
        };
        let k = &mut bench.world.kernel;
        f.sk = match (socket, kind) {
            (Some(kind), _) => SentBy::Socket(socket::call::open(k, f.netns, kind).unwrap()),
            (None, "echoreply" | "unreachable") => SentBy::Icmp,
            (None, "reset") => SentBy::Tcp,
            _ => SentBy::Nobody,
        };
        if kind != "forwarded" {
            f.iif = None;
        }
        seen.proto = match kind {
            "echoreply" | "unreachable" => IpProto::ICMP.0,
            "reset" | "synack" => IpProto::TCP.0,
            _ => IpProto::UDP.0,
        };
    });
}

#[test]
fn the_kernel_says_the_same_about_bridge_ports_of_packets() {
    let setup = "setup ip link add port0 type veth peer name port1";
    let transcript = include_str!("transcripts/physdev.seen");
    judgements_of_kinds(transcript, setup, |bench, kind, hook, _, seen| {
        if ["bridged", "frombridge", "tohost"].contains(&kind) {
            seen.physin = Some(bench.dev("port0"));
        }
        if kind == "bridged" && [Hook::Forward, Hook::PostRouting].contains(&hook) {
            seen.physout = Some(bench.dev("port1"));
        }
    });
}

#[test]
fn the_kernel_looks_at_rules_that_others_lead_to_as_each_engine_does() {
    let transcript = include_str!("transcripts/called.txt");
    for line in transcript.lines().filter(|line| !line.starts_with('#')) {
        let fields: Vec<&str> = line.split(';').map(str::trim).collect();
        let [tool, rule, callers, before, later] = fields[..] else { panic!("{line}") };
        let callers: Vec<&str> = callers.split_whitespace().collect();
        for (statuses, rule_at) in [(before, callers.len()), (later, 0)] {
            let mut bench = Bench::new("");
            let mut commands: Vec<String> =
                callers.iter().map(|caller| format!("-A {caller} -j U")).collect();
            commands.insert(rule_at, format!("-A U {rule}"));
            let mut status = |command: &str| {
                let words = format!("{tool} -t mangle {command}");
                let words: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
                bench.world.run_command(bench.netns, &words).unwrap().status.to_string()
            };
            assert_eq!(status("-N U"), "0");
            let answers: Vec<String> = commands.iter().map(|command| status(command)).collect();
            assert_eq!(answers.join(" "), statuses, "{line}");
        }
    }
}

/// Seen with `-A INPUT -m limit --limit-burst 0`.
#[test]
fn a_burst_of_0_is_the_usual_one_to_nf_tables_and_out_of_range_to_ip_tables() {
    for (tool, status, listed) in [
        ("iptables-nft", 0, "-P INPUT ACCEPT\n-A INPUT -m limit --limit 3/hour\n"),
        ("iptables-legacy", 1, "-P INPUT ACCEPT\n"),
    ] {
        let mut bench = Bench::new("");
        let mut run = |command: &str| {
            let words = format!("{tool} {command}");
            let words: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
            bench.world.run_command(bench.netns, &words).unwrap()
        };
        assert_eq!(run("-A INPUT -m limit --limit-burst 0").status, status, "{tool}");
        assert_eq!(run("-S INPUT").stdout, listed, "{tool}");
    }
}

#[test]
fn every_help_begins_with_the_name_of_its_extension() {
    for entry in MATCHES {
        let first = entry.help.lines().next().unwrap();
        assert!(first.to_lowercase().contains(&entry.name[..4.min(entry.name.len())]), "{first}");
        assert!(entry.help.ends_with('\n'));
    }
}
