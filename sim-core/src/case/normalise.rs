//! From what was observed to what can be compared.
//!
//! The rules, each with its reason. What no rule names is compared as it is.
//!
//! | what | becomes | because |
//! | --- | --- | --- |
//! | IPv4 id that no injected packet of its protocol has | 0xf001, 0xf002, ... in order of appearance | random, also with DF for sockets; 0 is kept |
//! | id of an ICMP query that no injected query has | 0xe001, ... | chosen by a socket or on a clash |
//! | TCP or UDP port that the case does not mention | 61001, ... (411, ... below 512; 911, ... below 1024) | ephemeral; the class is part of the behaviour |
//! | source port of VXLAN that the case does not mention | 62001, ... | a hash with a per-boot key |
//! | TCP sequence numbers of connections that no injected SYN began, also where only the RST for the SYN shows | start at 0x10000000 × k | the ISN is random |
//! | TCP timestamp that no injected segment has | 1; 0 is kept | a clock with a random start |
//! | times in an ICMP timestamp reply | 0 | the clock on the wall |
//! | L4 checksum that holds only the pseudo header's sum | completed | left to the device; `lo` cannot be told not to |
//! | L4 checksum of a segment that an ICMP error on `lo` quotes, or that is cut there | 0 | left to the device; NAT moves it as if it were complete |
//! | outermost 802.1Q tag | removed | a packet socket never sees it: the kernel keeps it beside the packet |
//! | time of a frame | dropped; order and cause are kept | timers |
//! | neighbours, fdb entries and connections, also in the output of `sh` steps; lists of `recent` | sorted | hash tables with a random seed |
//! | `use=`, the entry's own `id=`, wall-clock times and `delta-time=` of connections | dropped | what the kernel is just doing; a hash with a random key; clocks |
//! | `DESTROY` events that follow each other | sorted | hash tables with a random seed |
//! | who deleted a connection: `portid=`, `progname=` | dropped | a number that the kernel picks; gone with its process |
//! | counters `search_restart` and `found` of connection tracking | dropped | hash tables with a random seed; how many ports NAT tried |
//! | the lines of `conntrack -S` in `sh` steps | summed into one | as many as there are CPUs |
//! | dates in the comments of `iptables-save` | dropped | the clock on the wall |
//! | when an address was last seen, in lists of `recent` | dropped | jiffies |
//! | ids of traced packets | T1, T2, ... | addresses in memory, hashed |
//! | seconds left, as `expires 299sec` in the output of `sh` steps | rounded to tens | whole seconds of a time that runs: a moment decides which |
//! | `recv` events of one stream that follow each other | joined | how TCP data is cut depends on when it is read |
//! | socket events | one list per socket | sockets are served in no promised order |
//! | counters of [`COUNTERS_LEFT_OUT`] | dropped | see there |

mod netfilter;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::format::{Action, Case, from_hex};
use super::normal::{Netfilter, Normal, NormalNetns, Sighting, Tables};
use super::observed::{CommandObserved, FrameObserved, NetnsObserved, Observed, SocketEvent};
use super::rewrite::{Fields, rewrite_frame, rewrite_loopback_frame, rewrite_packet};

/// Counters which are settings (not counts), or which depend on how fast a socket's owner reads and on
/// the receive fast path of TCP, not on packets. A trailing `*` stands for any ending.
pub const COUNTERS_LEFT_OUT: [&str; 15] = [
    "Ip.Forwarding",
    "Ip.DefaultTTL",
    "Tcp.RtoAlgorithm",
    "Tcp.RtoMin",
    "Tcp.RtoMax",
    "Tcp.MaxConn",
    "TcpExt.TCPOrigDataSent",
    "TcpExt.TCPDelivered*",
    "TcpExt.TCPHystart*",
    "TcpExt.DelayedACKs",
    "TcpExt.TCPPureAcks",
    "TcpExt.TCPAutoCorking",
    "TcpExt.TCPRcvCoalesce",
    "TcpExt.TCPHPAcks",
    "TcpExt.TCPHPHits",
];

/// Makes an observation of `case` comparable.
#[must_use]
pub fn normalise(observed: &Observed, case: &Case) -> Normal {
    let mut canon = Canon::new(case);
    let ordered: BTreeMap<&String, Vec<(&String, &FrameObserved)>> =
        observed.netns.iter().map(|(name, netns)| (name, in_order(netns))).collect();
    let mut learn = LearnSyns(&mut canon);
    for (_, frame) in ordered.values().flatten() {
        rewrite_frame(&mut untagged(frame), &mut learn);
    }
    let mut netns = BTreeMap::new();
    for (name, frames) in ordered {
        let frames = frames.into_iter().map(|(dev, f)| sighting(dev, f, &mut canon)).collect();
        let seen = &observed.netns[name];
        let netfilter = netfilter::netfilter(&seen.netfilter, &mut canon);
        netns.insert(name.clone(), normal_netns(seen, frames, netfilter));
    }
    let commands = observed.commands.iter();
    let commands = commands.map(|command| normal_command(command, case, &mut canon)).collect();
    Normal {
        kernel: observed.kernel.clone(),
        netns,
        commands,
        sockets: sockets(&observed.sockets, &mut canon),
    }
}

fn in_order(netns: &NetnsObserved) -> Vec<(&String, &FrameObserved)> {
    let mut frames: Vec<_> = netns
        .devs
        .iter()
        .flat_map(|(name, dev)| dev.frames.iter().map(move |f| (name, f)))
        .collect();
    frames.sort_by_key(|(_, frame)| frame.n);
    frames
}

/// The bytes of a frame without an outermost 802.1Q tag.
fn untagged(frame: &FrameObserved) -> Vec<u8> {
    let mut bytes = from_hex(&frame.hex).unwrap_or_default();
    if bytes.get(12..14) == Some(&[0x81, 0x00]) && bytes.len() >= 18 {
        bytes.drain(12..16);
    }
    bytes
}

fn sighting(dev: &str, frame: &FrameObserved, canon: &mut Canon) -> Sighting {
    let mut bytes = untagged(frame);
    if dev == "lo" {
        rewrite_loopback_frame(&mut bytes, canon);
    } else {
        rewrite_frame(&mut bytes, canon);
    }
    Sighting {
        step: frame.step,
        dev: dev.to_owned(),
        dir: frame.dir,
        pkttype: frame.pkttype,
        frame: bytes,
    }
}

fn normal_netns(
    observed: &NetnsObserved,
    frames: Vec<Sighting>,
    netfilter: Netfilter,
) -> NormalNetns {
    let zero = super::observed::DevStats::default();
    NormalNetns {
        frames,
        tables: Tables {
            addr: observed.addr.clone(),
            route: observed.route.clone(),
            rule: observed.rule.clone(),
            neigh: sorted(&observed.neigh),
            fdb: sorted(&observed.fdb),
        },
        snmp: observed
            .snmp
            .iter()
            .filter(|(name, grown)| **grown != 0 && !is_left_out(name))
            .map(|(name, grown)| (name.clone(), *grown))
            .collect(),
        links: observed
            .devs
            .iter()
            .filter(|(_, dev)| dev.stats != zero)
            .map(|(name, dev)| (name.clone(), dev.stats))
            .collect(),
        netfilter,
    }
}

fn sorted(rows: &[Value]) -> Vec<Value> {
    let mut rows = rows.to_vec();
    rows.sort_by_cached_key(ToString::to_string);
    rows
}

/// The words that make `conntrack` print entries or statistics.
const LISTINGS: [&str; 5] = ["-L", "-D", "-G", "-U", "-S"];

/// Sorts the lines of a listing of neighbours, fdb entries or connections, and rounds the seconds that routes
/// and addresses have left.
fn normal_command(observed: &CommandObserved, case: &Case, canon: &mut Canon) -> CommandObserved {
    let mut command = observed.clone();
    command.stdout = round_seconds(&command.stdout);
    let Some(Action::Sh(run)) = case.step_at(command.line).map(|step| &step.action) else {
        return command;
    };
    let tool = run.inside_netns().1.first().map_or("", String::as_str);
    if tool == "conntrack" && run.argv.iter().any(|word| LISTINGS.contains(&word.as_str())) {
        command.stdout = netfilter::conntrack_output(&command.stdout, canon);
    } else if tool.ends_with("-save") {
        command.stdout = netfilter::save_output(&command.stdout);
    } else if run.argv.iter().any(|word| matches!(word.as_str(), "neigh" | "fdb")) {
        let mut lines: Vec<&str> = command.stdout.split_inclusive('\n').collect();
        lines.sort_unstable();
        command.stdout = lines.concat();
    }
    command
}

/// Rounds the seconds that a route or an address has left: `expires 299sec` becomes `expires 300sec`.
fn round_seconds(text: &str) -> String {
    const RUNNING: [&str; 3] = ["expires ", "valid_lft ", "preferred_lft "];
    let mut rounded = String::new();
    let mut last = "";
    for word in text.split_inclusive(' ') {
        let seconds = word.trim_end().strip_suffix("sec").and_then(|digits| digits.parse().ok());
        match seconds.filter(|_: &u64| RUNNING.contains(&last)) {
            Some(seconds) => {
                let tens = seconds.saturating_add(5) / 10 * 10;
                let blanks = &word[word.trim_end().len()..];
                rounded += &tens.to_string();
                rounded += "sec";
                rounded += blanks;
            }
            None => rounded.push_str(word),
        }
        last = word.trim_start_matches('\n');
    }
    rounded
}

fn is_left_out(counter: &str) -> bool {
    COUNTERS_LEFT_OUT.iter().any(|name| match name.strip_suffix('*') {
        Some(start) => counter.starts_with(start),
        None => counter == *name,
    })
}

fn sockets(events: &[SocketEvent], canon: &mut Canon) -> BTreeMap<String, Vec<String>> {
    let mut sockets: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for event in events {
        let list = sockets.entry(format!("{} {}", event.netns, event.socket)).or_default();
        let what = canon.peer(&event.what);
        let data = if what == "accept" { canon.peer(&event.data) } else { event.data.clone() };
        match list.last_mut() {
            Some(last) if what == "recv" && last.starts_with("recv ") => last.push_str(&data),
            _ => list.push(format!("{what} {data}").trim_end().to_owned()),
        }
    }
    sockets
}

/// The names given to values that a kernel chose.
#[derive(Debug, Default, Clone)]
struct Canon {
    /// Gives everything unknown the same name, to sort by what is known.
    blanks: bool,
    known_ids: BTreeSet<(u8, u16)>,
    known_ports: BTreeSet<u16>,
    known_echo_ids: BTreeSet<u16>,
    known_sequences: BTreeSet<u32>,
    known_clocks: BTreeSet<u32>,
    ids: BTreeMap<(u8, u16), u16>,
    ports: BTreeMap<u16, u16>,
    vxlan_ports: BTreeMap<u16, u16>,
    echo_ids: BTreeMap<u16, u16>,
    /// Initial sequence numbers and what they become.
    isns: Vec<(u32, u32)>,
}

impl Canon {
    fn new(case: &Case) -> Self {
        let mut canon = Self {
            known_ports: BTreeSet::from([0]),
            known_clocks: BTreeSet::from([0]),
            ..Self::default()
        };
        let setup = case.setup.iter().map(|command| &command.text);
        setup.chain(case.files.values()).for_each(|text| canon.mention(text));
        for step in &case.steps {
            canon.inject(&step.action);
        }
        canon
    }

    /// The same, but what has no name yet gets none of its own.
    fn with_blanks(mut self) -> Self {
        self.blanks = true;
        self
    }

    /// The IPv4 id of a packet whose protocol is not told.
    fn id_of_any_protocol(&mut self, id: u16) -> u16 {
        const UNTOLD: u8 = u8::MAX;
        let named = self.ids.iter().find(|((_, known), _)| *known == id).map(|(_, name)| *name);
        match named {
            _ if self.known_ids.iter().any(|(_, known)| *known == id) => id,
            Some(name) => name,
            None => self.ip_id(UNTOLD, id),
        }
    }

    /// Notes every number in a text that may be a port.
    fn mention(&mut self, text: &str) {
        self.known_ports.extend(text.split_whitespace().flat_map(ports_in));
    }

    fn inject(&mut self, action: &Action) {
        match action {
            Action::Tx(frame) => rewrite_frame(&mut frame.clone(), &mut LearnInjected(self)),
            Action::Raw(packet) => rewrite_packet(&mut packet.clone(), &mut LearnInjected(self)),
            Action::Sh(command) => self.mention(&command.text),
            Action::Udp { from, to, .. } => self.known_ports.extend([from.port(), to.port()]),
            Action::TcpConnect { from, to } => {
                self.known_ports.extend([from.port(), to.port()]);
            }
            Action::UdpEcho(at) => {
                self.known_ports.insert(at.port());
            }
            Action::TcpListen(at) => {
                self.known_ports.insert(at.port());
            }
            Action::Wait
            | Action::TcpSend { .. }
            | Action::TcpClose { .. }
            | Action::NfqBind { .. }
            | Action::NfqAccept { .. } => {}
        }
    }

    /// Renames the port at the end of `... ADDRESS:PORT`.
    fn peer(&mut self, text: &str) -> String {
        match text.rsplit_once(':') {
            Some((start, port)) => match port.parse() {
                Ok(port) => format!("{start}:{}", self.port(port)),
                Err(_) => text.to_owned(),
            },
            None => text.to_owned(),
        }
    }
}

/// The numbers in a word that may be ports: not those in an address, a prefix length or a name.
fn ports_in(word: &str) -> Vec<u16> {
    const LONGEST_PREFIX: u16 = 32;
    let is_mac = word.matches(':').count() == 5;
    if is_mac {
        return Vec::new();
    }
    let bytes = word.as_bytes();
    let part_of_more = |at: Option<usize>| {
        at.and_then(|at| bytes.get(at)).is_some_and(|b| *b == b'.' || b.is_ascii_alphabetic())
    };
    let mut ports = Vec::new();
    let mut start = 0;
    for run in word.split(|c: char| !c.is_ascii_digit()) {
        let end = start + run.len();
        let before = start.checked_sub(1);
        let is_length =
            |port: u16| before.is_some_and(|at| bytes[at] == b'/') && port <= LONGEST_PREFIX;
        let port = run.parse().ok().filter(|port| !is_length(*port));
        if !part_of_more(before) && !part_of_more(Some(end)) {
            ports.extend(port);
        }
        // Where a run ends there is one character before the next, of any length.
        let separator = word[end..].chars().next().map_or(0, char::len_utf8);
        start = end + separator;
    }
    ports
}

/// Gives `value` the next name from `base` on, or the name that it has.
fn name<K: Ord>(names: &mut BTreeMap<K, u16>, value: K, base: u16) -> u16 {
    let next = base.wrapping_add(u16::try_from(names.len()).unwrap_or(u16::MAX));
    *names.entry(value).or_insert(next)
}

impl Fields for Canon {
    fn ip_id(&mut self, protocol: u8, id: u16) -> u16 {
        if id == 0 || self.known_ids.contains(&(protocol, id)) {
            return id;
        }
        name(&mut self.ids, (protocol, id), 0xf001)
    }

    fn port(&mut self, port: u16) -> u16 {
        if self.known_ports.contains(&port) {
            return port;
        }
        if let Some(&name) = self.ports.get(&port) {
            return name;
        }
        let base = match port {
            0..512 => 411,
            512..1024 => 911,
            _ => 61001,
        };
        if self.blanks {
            return base;
        }
        let taken = |p: &u16| self.known_ports.contains(p) || self.ports.values().any(|n| n == p);
        let name = (base..=u16::MAX).find(|p| !taken(p)).unwrap_or(port);
        self.ports.insert(port, name);
        name
    }

    fn vxlan_port(&mut self, port: u16) -> u16 {
        if self.known_ports.contains(&port) {
            return port;
        }
        name(&mut self.vxlan_ports, port, 62001)
    }

    fn echo_id(&mut self, id: u16) -> u16 {
        match self.known_echo_ids.contains(&id) {
            true => id,
            false if self.blanks => 0xe001,
            false => name(&mut self.echo_ids, id, 0xe001),
        }
    }

    fn sequence(&mut self, sequence: u32) -> u32 {
        /// More than a case sends, and little of all numbers: what is no number of a connection, as the
        /// 0 of a reset, seldom lies there by chance.
        const WINDOW: u32 = 1 << 20;
        if self.known_sequences.contains(&sequence) {
            return sequence;
        }
        let since = |isn: u32| sequence.wrapping_sub(isn);
        let near = self.isns.iter().filter(|(isn, _)| since(*isn) < WINDOW);
        let nearest = near.min_by_key(|(isn, _)| since(*isn));
        nearest.map_or(sequence, |(isn, name)| name.wrapping_add(since(*isn)))
    }

    fn timestamp(&mut self, clock: u32) -> u32 {
        if self.known_clocks.contains(&clock) { clock } else { 1 }
    }
}

/// Notes what injected packets hold; changes nothing.
struct LearnInjected<'a>(&'a mut Canon);

impl Fields for LearnInjected<'_> {
    fn ip_id(&mut self, protocol: u8, id: u16) -> u16 {
        self.0.known_ids.insert((protocol, id));
        id
    }
    fn port(&mut self, port: u16) -> u16 {
        self.0.known_ports.insert(port);
        port
    }
    fn vxlan_port(&mut self, port: u16) -> u16 {
        self.port(port)
    }
    fn echo_id(&mut self, id: u16) -> u16 {
        self.0.known_echo_ids.insert(id);
        id
    }
    fn sequence(&mut self, sequence: u32) -> u32 {
        self.0.known_sequences.insert(sequence);
        sequence
    }
    fn timestamp(&mut self, clock: u32) -> u32 {
        self.0.known_clocks.insert(clock);
        clock
    }
}

/// Notes the initial sequence numbers that a kernel chose; changes nothing.
struct LearnSyns<'a>(&'a mut Canon);

impl Fields for LearnSyns<'_> {
    fn ip_id(&mut self, _protocol: u8, id: u16) -> u16 {
        id
    }
    fn port(&mut self, port: u16) -> u16 {
        port
    }
    fn vxlan_port(&mut self, port: u16) -> u16 {
        port
    }
    fn echo_id(&mut self, id: u16) -> u16 {
        id
    }
    fn sequence(&mut self, sequence: u32) -> u32 {
        sequence
    }
    fn syn(&mut self, sequence: u32) {
        let canon = &mut *self.0;
        let is_named = canon.isns.iter().any(|(isn, _)| *isn == sequence);
        if is_named || canon.known_sequences.contains(&sequence) {
            return;
        }
        let count = u32::try_from(canon.isns.len()).unwrap_or(u32::MAX).wrapping_add(1);
        canon.isns.push((sequence, count.wrapping_mul(0x1000_0000)));
    }
    /// What a RST acknowledges may be a SYN that never left: a rule stopped it.
    fn reset(&mut self, acknowledged: u32) {
        /// More than a segment holds.
        const NEAR: u32 = 1 << 17;
        let known = self.0.known_sequences.iter().copied();
        let isns = self.0.isns.iter().map(|(isn, _)| *isn);
        if !known.chain(isns).any(|sequence| acknowledged.wrapping_sub(sequence) < NEAR) {
            self.syn(acknowledged.wrapping_sub(1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::format::to_hex;
    use super::super::observed::{DevObserved, Direction};
    use super::super::rewrite::sum;
    use super::*;

    /// A SYN from a socket to an injected SYN's port, with the given id, source port and ISN.
    fn syn(id: u16, sport: u16, isn: u32) -> FrameObserved {
        let mut frame = from_hex(
            "0200000000020200000000010800\
             4500002800004000400600000a0000010a000002\
             0000005000000000000000005002faf000000000",
        )
        .unwrap();
        frame[18..20].copy_from_slice(&id.to_be_bytes());
        frame[34..36].copy_from_slice(&sport.to_be_bytes());
        frame[38..42].copy_from_slice(&isn.to_be_bytes());
        let header = (!sum(&frame[14..34])).to_be_bytes();
        frame[24..26].copy_from_slice(&header);
        let pseudo = [&frame[26..34], &[0, 6, 0, 20]].concat();
        frame[50..52].copy_from_slice(&sum(&pseudo).to_be_bytes());
        FrameObserved {
            n: 0,
            step: 1,
            dir: Direction::Out,
            pkttype: 4,
            t_us: 5,
            hex: to_hex(&frame),
        }
    }

    fn observed(frame: FrameObserved) -> Observed {
        let dev = DevObserved { frames: vec![frame], ..DevObserved::default() };
        let devs = BTreeMap::from([("e0".to_owned(), dev)]);
        let netns =
            BTreeMap::from([("a".to_owned(), NetnsObserved { devs, ..Default::default() })]);
        Observed {
            format: 1,
            injected: Vec::new(),
            case: "t".to_owned(),
            kernel: "t".to_owned(),
            netns,
            commands: Vec::new(),
            sockets: Vec::new(),
            drops: Vec::new(),
            notes: Vec::new(),
        }
    }

    #[test]
    fn two_runs_that_differ_in_random_fields_only_are_equal() {
        let case = Case::parse("t", "", "0 a - tcp-listen 10.0.0.2 80").unwrap();
        let one = normalise(&observed(syn(4711, 40001, 0x1234_5678)), &case);
        let two = normalise(&observed(syn(9, 33333, 7)), &case);
        assert_eq!(one, two);
        assert_eq!(to_hex(&one.netns["a"].frames[0].frame[38..42]), "10000000");
    }

    #[test]
    fn seconds_that_run_are_rounded_and_others_are_not() {
        let text = "cache expires 299sec mtu 600 \nvalid_lft 61sec preferred_lft forever age 17sec";
        let wanted =
            "cache expires 300sec mtu 600 \nvalid_lft 60sec preferred_lft forever age 17sec";
        assert_eq!(round_seconds(text), wanted);
    }

    #[test]
    fn ports_are_told_from_addresses_prefixes_and_names() {
        for (word, ports) in [
            ("10.0.2.2:53-60", &[53, 60][..]),
            ("10.0.2.0/24", &[]),
            ("10.0.2.2:6000-6010/5000", &[6000, 6010, 5000]),
            ("1,2:3", &[1, 2, 3]),
            ("veth1", &[]),
            ("0x10/0xf0", &[]),
            ("02:00:00:00:01:02", &[]),
            ("\u{e9}53", &[53]),
        ] {
            assert_eq!(ports_in(word), ports, "{word}");
        }
    }

    #[test]
    fn what_the_case_names_is_kept() {
        let case = Case::parse("t", "", "0 a - tcp-connect 10.0.0.1 33333 10.0.0.2 80").unwrap();
        let normal = normalise(&observed(syn(9, 33333, 7)), &case);
        assert_eq!(to_hex(&normal.netns["a"].frames[0].frame[34..38]), "82350050");
    }

    #[test]
    fn stream_data_is_joined_and_events_are_kept_per_socket() {
        let event = |socket: &str, what: &str, data: &str| SocketEvent {
            netns: "a".to_owned(),
            socket: socket.to_owned(),
            what: what.to_owned(),
            data: data.to_owned(),
        };
        let events = [
            event("tcp 5", "recv", "00"),
            event("udp 1", "from 10.0.0.1:40000", "ff"),
            event("tcp 5", "recv", "01"),
            event("tcp 5", "eof", ""),
        ];
        let sockets = sockets(&events, &mut Canon::default());
        assert_eq!(sockets["a tcp 5"], ["recv 0001", "eof"]);
        assert_eq!(sockets["a udp 1"], ["from 10.0.0.1:61001 ff"]);
    }
}
