//! Random sessions of commands, each a pure function of its seed.

use rand::rngs::ChaCha8Rng;
use rand::{Rng as _, SeedableRng as _};
use sim_core::family::AddressFamily;
use sim_core::netfilter::xtables::matches::MATCHES;
use sim_core::netfilter::xtables::options::{Kind, Opt};
use sim_core::netfilter::xtables::registry::Entry;
use sim_core::netfilter::xtables::targets::TARGETS;

use super::Line;

/// What is drawn from.
struct Draw {
    rng: ChaCha8Rng,
    family: AddressFamily,
    tool: &'static str,
}

const TABLES: [&str; 8] = ["filter", "filter", "filter", "nat", "nat", "mangle", "mangle", "raw"];
const CHAINS: [&str; 5] = ["INPUT", "FORWARD", "OUTPUT", "PREROUTING", "POSTROUTING"];

/// Words that are wrong nearly everywhere.
const JUNK: [&str; 12] =
    ["!", "", "-", "--", "x", "--nope", "-1", "99999999999", "a,b", "1:2:3", "-z", "nope"];

/// Values for options whose form is their extension's own, by the option's name.
const FREE: &[(&str, &[&str])] = &[
    ("src-type", &["LOCAL", "UNICAST,BROADCAST", "local", "NOPE", "MULTICAST"]),
    ("dst-type", &["LOCAL", "BLACKHOLE", "ANYCAST,PROHIBIT", ""]),
    ("comment", &["a", "two words", "it's \"x\"", "a.b/c", "", "back\\slash"]),
    (
        "ctstate",
        &["NEW", "ESTABLISHED,RELATED", "INVALID", "new", "UNTRACKED,SNAT", "NOPE", "DNAT"],
    ),
    ("state", &["NEW", "ESTABLISHED,RELATED", "INVALID,UNTRACKED", "nope", "established"]),
    ("ctstatus", &["NONE", "ASSURED,SEEN_REPLY", "CONFIRMED", "EXPECTED", "nope"]),
    ("ctdir", &["ORIGINAL", "REPLY", "nope"]),
    ("ctexpire", &["1", "1:5", "x", ":7"]),
    (
        "icmp-type",
        &[
            "8",
            "echo-request",
            "3/4",
            "any",
            "network-unreachable",
            "255/255",
            "8/0",
            "300",
            "nope",
            "redirect",
            "255",
        ],
    ),
    ("icmpv6-type", &["128", "echo-request", "1/4", "nope", "router-solicitation"]),
    ("src-range", &["10.0.0.1-10.0.0.9", "10.0.0.9-10.0.0.1", "10.0.0.1", "x-y", "::1-::5"]),
    ("dst-range", &["10.0.0.1-10.0.0.9", "1.2.3.4-1.2.3.4", "nope"]),
    (
        "source-ports",
        &["1,2,3", "80", "1:5,7", "http,ssh", "5:1", "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16", "x"],
    ),
    ("sports", &["53", "1:5,7", "domain", "70000", ""]),
    ("destination-ports", &["80,443", "1000:2001", "x,y"]),
    ("dports", &["80,443", "1000:2001,22", "https", "nrpe,4190", "-1", "174:319"]),
    ("ports", &["80", "1:65535", "0", "1,x"]),
    ("pkt-type", &["unicast", "broadcast", "multicast", "nope", "host"]),
    ("mode", &["random", "nth", "nope"]),
    ("probability", &["0.5", "1", "0.3333333", "0", "1.5", "x", "0.00001", "0.99"]),
    ("every", &["1", "2", "7", "0", "x"]),
    ("packet", &["0", "1", "6", "9"]),
    ("source-port", &["80", "1:5", "http", ":5", "5:", "5:1", "70000", "nope"]),
    ("sport", &["80", "1024:65535", "ssh", "0", ":", "x", "zebra", "sieve:6514", "x11-3", "-1"]),
    ("destination-port", &["53", "domain", "5:6", "1:2:3"]),
    (
        "dport",
        &[
            "443",
            "1:65535",
            "https",
            "8080",
            "-5",
            "-1",
            "ptp-event",
            "7000",
            "27374:60179",
            "-1:5",
        ],
    ),
    ("tcp-option", &["2", "255", "0", "300", "x"]),
    ("helper", &["ftp", "nope"]),
    ("timeout", &["x"]),
    ("ctevents", &["new", "new,destroy", "reply", "nope"]),
    ("expevents", &["new", "nope"]),
    ("zone-orig", &["1", "mark", "65536", "x"]),
    ("zone-reply", &["2", "mark", "x"]),
    ("zone", &["3", "mark", "0xf", "70000"]),
    (
        "to-destination",
        &[
            "10.0.0.1",
            "10.0.0.1:80",
            "10.0.0.1-10.0.0.9",
            "10.0.0.1-10.0.0.9:80-90",
            ":80",
            "10.0.0.1:80-90/100",
            "x",
            "10.0.0.1:0",
            "10.0.0.9-10.0.0.1",
            "[::1]:80",
        ],
    ),
    (
        "to-source",
        &["10.0.0.1", "10.0.0.1:80", "10.0.0.1-10.0.0.9:1024-65535", "x", ":80", "1.2.3.4:70000"],
    ),
    ("to-ports", &["80", "80-90", "90-80", "http", "0", "70000", "x"]),
    ("to", &["10.0.0.0/24", "10.0.0.1", "10.0.0.0/255.255.0.0", "x", "1.2.3.4/33"]),
    (
        "reject-with",
        &[
            "icmp-port-unreachable",
            "icmp-host-prohibited",
            "tcp-reset",
            "nope",
            "port-unreach",
            "icmp-admin-prohibited",
            "icmp-net-unreachable",
        ],
    ),
    ("limit", &["1/s", "10/minute", "3/hour", "100/day", "5", "1000000/s", "x", "7/sec", "0/s"]),
    ("limit-burst", &["1", "5", "10000", "10001", "0"]),
    ("name", &["a", "web"]),
    ("rsource", &["x"]),
    ("mask", &["255.255.255.0", "x"]),
    ("uid-owner", &["0", "root", "1-5", "nope"]),
    ("gid-owner", &["0", "root", "1-5", "nope"]),
    ("set-tos", &["0x10", "0x10/0xff", "Minimize-Delay", "nope"]),
    ("tos", &["0x10", "0x10/0xff", "Minimize-Delay", "nope"]),
    ("set-dscp-class", &["EF", "AF11", "CS3", "nope"]),
    ("dscp-class", &["EF", "AF11", "nope"]),
    ("set-mss", &["1400", "0", "70000"]),
    ("log-prefix", &["a", "two words: ", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"]),
    ("log-level", &["info", "4", "debug", "8", "nope"]),
    ("string", &["abc", "a b"]),
    ("algo", &["bm", "kmp", "nope"]),
    (
        "hashlimit-upto",
        &[
            "1/s", "5/minute", "512kb/s", "3/day", "1500b/s", "7/hour", "2mb/s", "x", "5/week",
            "1000001",
        ],
    ),
    ("hashlimit-above", &["1/s", "512kb/s", "99/m", "300b/s", "1b/min", "x", "-1", "20mb/s"]),
    ("hashlimit", &["1/s", "4kb/s", "x"]),
    ("hashlimit-name", &["a", "foo", "a", "b c", "a/b"]),
    ("hashlimit-mode", &["srcip", "srcip,dstport", "dstip|srcip", "srcport,dstport", "", "nope"]),
    ("hashlimit-burst", &["1", "5", "2k", "1m", "7x", "1000001", "0", "700", "9m"]),
    ("hashlimit-rate-interval", &["1", "10", "86400", "0", "x"]),
    ("label", &["3", "0", "127", "128", "0x10", "web", "65536", ""]),
    ("nfacct-name", &["a", "no such", ""]),
    (
        "u32",
        &[
            "0>>22&0x3C@0&0xFFFF=53",
            "6&0xFF=1,6:17",
            "0=1&&4=2",
            "12@0=5:1",
            "0>>32=1",
            "0=1&",
            "x=1",
            "0>1=1",
            "0",
            "",
        ],
    ),
];

/// A session: chains and rules are made, changed and listed.
#[must_use]
pub fn session(seed: u64) -> Vec<Line> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let six = rng.next_u32() % 8 == 0;
    let (family, tool) = match (six, seed.is_multiple_of(2)) {
        (false, true) => (AddressFamily::Inet, "iptables-nft"),
        (false, false) => (AddressFamily::Inet, "iptables-legacy"),
        (true, true) => (AddressFamily::Inet6, "ip6tables-nft"),
        (true, false) => (AddressFamily::Inet6, "ip6tables-legacy"),
    };
    let mut draw = Draw { rng, family, tool };
    let table = draw.one(&TABLES);
    let mut lines =
        vec![draw.line(&["-t", table, "-N", "one"]), draw.line(&["-t", table, "-N", "two"])];
    for _ in 0..draw.below(6) + 3 {
        let line = draw.change(table);
        lines.push(line);
    }
    if draw.chance(30) {
        lines.push(draw.restore(table));
    }
    for words in
        [&["-S", "-v"][..], &["-L", "-n", "-v", "--line-numbers"], &["-L", "-v", "-x"], &["-L"]]
    {
        let words = [&["-t", table], words].concat();
        lines.push(draw.line(&words));
    }
    let save = Line { argv: vec![format!("{tool}-save"), "-c".to_owned()], stdin: String::new() };
    lines.push(save);
    lines
}

impl Draw {
    fn below(&mut self, n: usize) -> usize {
        self.rng.next_u32() as usize % n
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    fn one<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }

    fn line(&self, words: &[&str]) -> Line {
        let argv = std::iter::once(&self.tool).chain(words).map(|w| (*w).to_owned()).collect();
        Line { argv, stdin: String::new() }
    }

    /// A command that changes something.
    fn change(&mut self, table: &str) -> Line {
        let mut words = vec!["-t".to_owned(), table.to_owned()];
        words.extend(self.command());
        if self.chance(12) {
            let at = self.below(words.len() - 2) + 2;
            match self.below(3) {
                0 => drop(words.remove(at)),
                1 => words.insert(at, self.one(&JUNK).to_owned()),
                _ => self.one(&JUNK).clone_into(&mut words[at]),
            }
        }
        let argv = std::iter::once(self.tool.to_owned()).chain(words).collect();
        Line { argv, stdin: String::new() }
    }

    fn chain(&mut self) -> &'static str {
        match self.below(10) {
            0..4 => self.one(&["one", "two"]),
            9 => self.one(&["nope", "three"]),
            _ => self.one(&CHAINS),
        }
    }

    fn command(&mut self) -> Vec<String> {
        let chain = self.chain().to_owned();
        let number = self.one(&["1", "2", "3", "9"]).to_owned();
        let mut words: Vec<String> = match self.below(24) {
            0..14 => vec!["-A".into(), chain],
            14 | 15 => vec!["-I".into(), chain],
            16 => vec!["-I".into(), chain, number],
            17 => vec!["-R".into(), chain, number],
            18 => vec![self.one(&["-D", "-C"]).into(), chain],
            19 => return vec!["-D".into(), chain, number],
            20 => return vec![self.one(&["-F", "-X", "-Z"]).into(), chain],
            21 => {
                return vec!["-E".into(), chain, self.one(&["three", "two", "INPUT"]).into()]
                    .into_iter()
                    .map(|word: String| if word == "INPUT" { "four".to_owned() } else { word })
                    .collect();
            }
            22 => {
                return vec![
                    "-P".into(),
                    chain,
                    self.one(&["ACCEPT", "ACCEPT", "DROP", "x"]).into(),
                ];
            }
            _ => return vec!["-N".into(), self.one(&["three", "one", "INPUT", "LOG"]).into()],
        };
        words.extend(self.rule());
        if self.chance(10) {
            words.push("-v".into());
        }
        if self.chance(10) {
            words.extend(["-c", "3", "4"].map(str::to_owned));
        }
        words
    }

    fn rule(&mut self) -> Vec<String> {
        let mut words = Vec::new();
        if self.chance(60) {
            self.protocol(&mut words);
        }
        for letter in ["-s", "-d"] {
            if self.chance(20) {
                self.invert(&mut words, 20);
                words.push(letter.into());
                words.push(self.address());
            }
        }
        for letter in ["-i", "-o"] {
            if self.chance(15) {
                self.invert(&mut words, 20);
                words.push(letter.into());
                words.push(self.one(&["eth0", "eth+", "lo", "+", "abcdefghijklmno"]).into());
            }
        }
        if self.chance(4) {
            self.invert(&mut words, 50);
            words.push("-f".into());
        }
        for _ in 0..self.one(&[0, 0, 1, 1, 1, 2]) {
            let entry = &MATCHES[self.below(MATCHES.len())];
            self.extension("-m", entry, &mut words);
        }
        self.jump(&mut words);
        words
    }

    fn invert(&mut self, words: &mut Vec<String>, percent: usize) {
        if self.chance(percent) {
            words.push("!".into());
        }
    }

    fn protocol(&mut self, words: &mut Vec<String>) {
        self.invert(words, 8);
        let names = [
            "tcp",
            "tcp",
            "tcp",
            "udp",
            "udp",
            "icmp",
            "6",
            "17",
            "all",
            "esp",
            "gre",
            "99",
            "sctp",
            "ipv6-icmp",
            "UDP",
        ];
        let name = self.one(&names);
        words.extend(["-p".into(), name.to_owned()]);
        // Options of the protocol's match without its name.
        let lower = name.to_lowercase();
        let entry = MATCHES.iter().find(|entry| entry.name == lower);
        if let Some(entry) = entry.filter(|_| self.chance(40)) {
            self.options(entry.options, words);
        }
    }

    fn address(&mut self) -> String {
        let inet = [
            "10.0.0.1",
            "10.0.0.0/8",
            "10.1.2.3/255.255.0.0",
            "1.2.3.4,5.6.7.8",
            "localhost",
            "0/0",
            "10.1",
            "1.2.3.4/255.0.255.0",
            "nope",
        ];
        let inet6 =
            ["fe80::1", "2001:db8::/32", "::1", "::/0", "1::2/ffff::", "2001:db8::1,::2", "nope"];
        match self.family {
            AddressFamily::Inet => self.one(&inet).to_owned(),
            AddressFamily::Inet6 => self.one(&inet6).to_owned(),
        }
    }

    fn jump(&mut self, words: &mut Vec<String>) {
        match self.below(10) {
            0 => {}
            1..4 => words.extend(["-j".into(), self.one(&["ACCEPT", "RETURN", "DROP"]).to_owned()]),
            4 => words.extend([
                self.one(&["-j", "-g"]).into(),
                self.one(&["one", "two", "nope"]).to_owned(),
            ]),
            _ => {
                let entry = &TARGETS[self.below(TARGETS.len())];
                self.extension("-j", entry, words);
            }
        }
    }

    fn extension<T>(&mut self, letter: &str, entry: &Entry<T>, words: &mut Vec<String>) {
        words.extend([letter.to_owned(), entry.name.to_owned()]);
        self.options(entry.options, words);
    }

    fn options(&mut self, options: &[Opt], words: &mut Vec<String>) {
        let percent = if options.len() > 3 { 20 } else { 50 };
        for opt in options {
            if self.chance(if opt.mandatory { 96 } else { percent }) {
                self.invert(words, if opt.invert { 20 } else { 2 });
                words.push(format!("--{}", opt.name));
                self.value(opt, words);
            }
        }
    }

    fn value(&mut self, opt: &Opt, words: &mut Vec<String>) {
        let known = FREE.iter().find(|(name, _)| *name == opt.name);
        let bounded = |draw: &mut Self, min: u64, max: u64| match draw.below(8) {
            0 => min.to_string(),
            1 => max.to_string(),
            2 => max.saturating_add(1).to_string(),
            3 => format!("0x{:x}", draw.below(100)),
            _ => draw.below(200).to_string(),
        };
        let word = match opt.kind {
            Kind::None => return,
            Kind::Pair => {
                let flags =
                    ["SYN", "SYN,ACK", "ALL", "NONE", "FIN,SYN,RST,ACK", "PSH,URG", "nope", "syn"];
                words.push(self.one(&flags).into());
                self.one(&flags).to_owned()
            }
            Kind::Free | Kind::Text(..) => match known {
                Some((_, values)) => self.one(values).to_owned(),
                None => self.one(&["1", "a", "10.0.0.1", "nope"]).to_owned(),
            },
            Kind::U8(min, max) => bounded(self, min.into(), max.into()),
            Kind::U16(min, max) => bounded(self, min.into(), max.into()),
            Kind::U32(min, max) => bounded(self, min.into(), max.into()),
            Kind::U64(min, max) => bounded(self, min, max),
            Kind::U8Range | Kind::U16Range | Kind::U32Range | Kind::U64Range => {
                self.one(&["5", "1:9", "9:1", ":7", "7:", "", "x", "70000", "1:2:3"]).to_owned()
            }
            Kind::MarkMask => self
                .one(&["1", "0x10/0xff", "0/0", "0xffffffff", "0x1/0", "x", "5/x", "4294967296"])
                .to_owned(),
            Kind::TosMask => self
                .one(&[
                    "0x10",
                    "0x10/0x3f",
                    "Minimize-Delay",
                    "nope",
                    "normal-service",
                    "0x10/x",
                    "256",
                ])
                .to_owned(),
            Kind::SyslogLevel => self.one(&["info", "4", "debug", "8", "nope"]).to_owned(),
            Kind::Host => self.one(&["10.0.0.1", "::1", "localhost", "nope"]).to_owned(),
            Kind::HostMask => self
                .one(&[
                    "10.0.0.1",
                    "10.0.0.0/8",
                    "10.0.0.1/255.255.0.0",
                    "1.2.3.4/33",
                    "2001:db8::/32",
                    "x",
                ])
                .to_owned(),
            Kind::PrefixLen => self.one(&["8", "24", "32", "33", "255.255.0.0", "x"]).to_owned(),
            Kind::Port => self.one(&["80", "http", "70000", "x"]).to_owned(),
            Kind::PortRange => {
                self.one(&["80", "1:5", "http", ":5", "5:", "x", "1:2:3"]).to_owned()
            }
            Kind::Protocol => self.one(&["tcp", "6", "0", "256", "nope", "gre"]).to_owned(),
            Kind::Mac => {
                self.one(&["02:00:00:00:00:01", "2:0:0:0:0:1", "x", "02:00:00:00:00"]).to_owned()
            }
        };
        words.push(word);
    }

    /// A file for `iptables-restore`.
    fn restore(&mut self, table: &str) -> Line {
        let mut stdin = format!("*{table}\n:one - [0:0]\n:three - [0:0]\n");
        for _ in 0..self.below(5) {
            let mut words = vec!["-A".to_owned(), self.chain().to_owned()];
            words.extend(self.rule());
            if self.chance(20) {
                stdin += "[5:6] ";
            }
            for word in words {
                let is_plain = !word.is_empty() && !word.contains([' ', '"', '\\', '\'']);
                let quoted = word.replace('\\', "\\\\").replace('"', "\\\"");
                let word = if is_plain { word } else { format!("\"{quoted}\"") };
                stdin.extend([word.as_str(), " "]);
            }
            stdin.push('\n');
        }
        stdin += "COMMIT\n";
        let mut argv = vec![format!("{}-restore", self.tool)];
        argv.extend(
            ["-n", "-c", "-v", "-t"]
                .into_iter()
                .filter(|_| self.rng.next_u32() % 5 < 2)
                .map(str::to_owned),
        );
        Line { argv, stdin }
    }
}
