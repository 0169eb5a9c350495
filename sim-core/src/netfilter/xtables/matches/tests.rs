//! Matches against what was seen with iptables 1.8.9 on Linux 6.18.
//!
//! `transcripts/NAME.text` has what the tools said about rules: what is wrong with them, how `-S` writes and `-L`
//! shows them, and what the kernel answers. `transcripts/NAME.seen` has what such rules said about packets: `+` if
//! they matched, `-` if not, `!` if the packet ended there. Lines without an engine hold for both.

use crate::family::AddressFamily;
use crate::kernel::{Flight, Place as FlightPlace};
use crate::link::lab::Lab;
use crate::link::receive::eth_type_trans;
use crate::netfilter::Hook;
use crate::netfilter::xtables::extension::{Context, Place, Problem, Style};
use crate::netfilter::xtables::lab::read_match;
use crate::netfilter::xtables::matches::{MATCHES, Match, Matched};
use crate::netfilter::xtables::packet::Seen;
use crate::netfilter::xtables::rule::TableName;
use crate::netfilter::xtables::table::Variant;
use crate::netfilter::xtables::value;
use crate::packet::hex::from_hex;

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
    table: TableName,
    hook: Hook,
    proto: Option<(u8, bool)>,
    of_match: Vec<String>,
}

fn words(rule: &str) -> Words {
    let mut words = shell(rule).into_iter().peekable();
    let mut read =
        Words { table: TableName::Filter, hook: Hook::Input, proto: None, of_match: Vec::new() };
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
        read_match(AddressFamily::Inet, &words)
    }

    fn context(&self) -> Context<'_> {
        Context { family: AddressFamily::Inet, proto: self.proto, tool: "iptables" }
    }

    fn place(&self, variant: Variant) -> Place<'_> {
        Place {
            variant,
            family: AddressFamily::Inet,
            table: self.table,
            hooks: std::slice::from_ref(&self.hook),
            proto: self.proto,
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
    for asked in asked(transcript) {
        let words = words(asked.rule);
        for variant in [Variant::Nft, Variant::Legacy] {
            let rule = format!("{variant:?}: {}", asked.rule);
            let said = |label| asked.said(variant, label);
            let loaded = match words.load(variant) {
                Ok(loaded) => loaded,
                Err(problem) => {
                    let text = problem.to_string().replace('\n', "\\n");
                    assert_eq!(Some(&*text), said("problem"), "{rule}");
                    continue;
                }
            };
            assert_eq!(None, said("problem"), "{rule}");
            let admitted = loaded.as_ref().map_or(Ok(()), |m| m.admit(&words.place(variant)));
            assert_eq!(admitted.err().map(|errno| errno.message()), said("errno"), "{rule}");
            if admitted.is_err() {
                continue;
            }
            let text = |write: fn(&Match, Style, &mut String), numeric| {
                let mut out = String::new();
                let style = Style { family: AddressFamily::Inet, numeric };
                loaded.iter().for_each(|m| write(m, style, &mut out));
                out
            };
            assert_eq!(Some(&*text(Match::save, true)), said("save"), "{rule}");
            assert_eq!(Some(&*text(Match::print, false)), said("list"), "{rule}");
            assert_eq!(Some(&*text(Match::print, true)), said("numeric"), "{rule}");
        }
    }
}

/// A packet of a transcript.
struct Packet<'t> {
    name: &'t str,
    frame: Vec<u8>,
    mark: u32,
}

fn packets(transcript: &str) -> Vec<Packet<'_>> {
    let lines = transcript.lines().filter_map(|line| line.strip_prefix("packet "));
    lines
        .map(|line| {
            let mut words = line.split(' ');
            let (name, frame) = (words.next().unwrap(), from_hex(words.next().unwrap()).unwrap());
            let mark = words.next().map_or(0, |word| {
                let mark = word.strip_prefix("mark=0x").unwrap();
                u32::from_str_radix(mark, 16).unwrap()
            });
            Packet { name, frame, mark }
        })
        .collect()
}

/// A kernel with a device `v0`, which has the address 02:00:00:00:00:01.
struct Bench {
    lab: Lab,
}

impl Bench {
    fn new() -> Self {
        let mut lab = Lab::new();
        let v0 = lab.veth("v0", "p0");
        lab.k.devs[v0].addr = "02:00:00:00:00:01".parse().unwrap();
        Self { lab }
    }

    /// A packet that `v0` has received, as rules see it in `PREROUTING`.
    fn receive(&mut self, packet: &Packet<'_>, variant: Variant) -> (Flight, Seen) {
        let v0 = self.lab.dev("v0");
        let k = &mut self.lab.k;
        let mut skb = k.skb();
        skb.put(&packet.frame);
        let flow = k.new_flow();
        let place = FlightPlace::Hook(Hook::PreRouting);
        let mut f = Flight::new(skb, place, self.lab.ns, v0, flow);
        eth_type_trans(&mut k.devs[v0], &mut f);
        f.skb.reset_network_header();
        f.skb.meta.mark = packet.mark;
        f.iif = Some(v0);
        let header = f.skb.network_header();
        let seen = Seen {
            variant,
            hook: Hook::PreRouting,
            iif: Some(v0),
            oif: None,
            physin: None,
            physout: None,
            header_len: usize::from(header[0] & 0xf) * 4,
            frag_off: (u16::from_be_bytes([header[6], header[7]]) & 0x1fff) * 8,
            proto: header[9],
        };
        (f, seen)
    }
}

/// Holds what an extension says about packets against the transcript.
fn judgements(transcript: &str) {
    let packets = packets(transcript);
    for asked in asked(transcript) {
        let words = words(asked.rule);
        for variant in [Variant::Nft, Variant::Legacy] {
            let said = asked.said(variant, "packets").unwrap();
            if said == " refused" {
                continue;
            }
            let rule = format!("{variant:?}: {}", asked.rule);
            let loaded = words.load(variant).unwrap();
            let mut state = loaded.as_ref().map(Match::state).unwrap_or_default();
            let mut bench = Bench::new();
            let mut judged = String::new();
            for packet in &packets {
                let (f, seen) = bench.receive(packet, variant);
                let asked_for = words.proto.is_none_or(|(proto, not)| (proto == seen.proto) != not);
                let matched = match &loaded {
                    _ if !asked_for => Matched::No,
                    Some(m) => m.matches(&mut bench.lab.k, &f, &seen, &mut state),
                    None => Matched::Yes,
                };
                let sign = match matched {
                    Matched::Yes => '+',
                    Matched::No => '-',
                    Matched::Malformed => '!',
                };
                judged.push(' ');
                judged.push_str(packet.name);
                judged.push(sign);
            }
            assert_eq!(judged, said, "{rule}");
        }
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

texts! { comment icmp tcp udp }
judgements! { icmp tcp udp }

#[test]
fn every_help_begins_with_the_name_of_its_extension() {
    for entry in MATCHES {
        let first = entry.help.lines().next().unwrap();
        assert!(first.to_lowercase().contains(&entry.name[..4.min(entry.name.len())]), "{first}");
        assert!(entry.help.ends_with('\n'));
    }
}
