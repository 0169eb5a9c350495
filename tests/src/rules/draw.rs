//! Random sessions of commands, each a pure function of its seed.

use rand::rngs::ChaCha8Rng;
use rand::{Rng as _, SeedableRng as _};
use sim_core::family::AddressFamily;
use sim_core::netfilter::xtables::matches::MATCHES;
use sim_core::netfilter::xtables::options::{Kind, Opt};
use sim_core::netfilter::xtables::registry::Entry;
use sim_core::netfilter::xtables::targets::{TARGETS, Target};

use super::Line;
use super::words::{self, CHAINS, JUNK, OF_PROTOCOLS, TABLES, TYPICAL};

/// What is drawn from.
struct Draw {
    rng: ChaCha8Rng,
    family: AddressFamily,
    tool: &'static str,
    table: &'static str,
    /// Whether most of what is drawn is meant to be good.
    careful: bool,
}

/// A session: chains and rules are made, changed and listed. Of what family they are is drawn too unless `only` says
/// it.
#[must_use]
pub fn session(seed: u64, only: Option<AddressFamily>) -> Vec<Line> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let drawn = if rng.next_u32() % 8 == 0 { AddressFamily::Inet6 } else { AddressFamily::Inet };
    let family = only.unwrap_or(drawn);
    let tool = match (family, seed.is_multiple_of(2)) {
        (AddressFamily::Inet, true) => "iptables-nft",
        (AddressFamily::Inet, false) => "iptables-legacy",
        (AddressFamily::Inet6, true) => "ip6tables-nft",
        (AddressFamily::Inet6, false) => "ip6tables-legacy",
    };
    let mut draw = Draw { rng, family, tool, table: TABLES[0], careful: false };
    draw.careful = draw.chance(50);
    let table = draw.one(&TABLES);
    draw.table = table;
    let mut lines =
        vec![draw.line(&["-t", table, "-N", "one"]), draw.line(&["-t", table, "-N", "two"])];
    for _ in 0..draw.below(6) + 3 {
        let line = draw.change();
        lines.push(line);
    }
    if draw.chance(30) {
        lines.push(draw.restore());
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
    fn change(&mut self) -> Line {
        let mut words = vec!["-t".to_owned(), self.table.to_owned()];
        words.extend(self.command());
        if self.chance(if self.careful { 2 } else { 12 }) {
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
            _ if self.careful => self.one(self.typical().0),
            9 => self.one(&["nope", "three"]),
            _ => self.one(&CHAINS),
        }
    }

    /// The chains and targets that belong in the table.
    fn typical(&self) -> (&'static [&'static str], &'static [&'static str]) {
        let found = TYPICAL.iter().find(|(table, ..)| *table == self.table);
        found.map_or((&CHAINS, &[]), |(_, chains, targets)| (chains, targets))
    }

    /// A value of an option; the good ones stand first.
    fn value_of(&mut self, values: &[&'static str]) -> &'static str {
        let good = values.len().div_ceil(2);
        let only_good = self.careful && !self.chance(15);
        self.one(if only_good { &values[..good] } else { values })
    }

    /// What a chain is to be called.
    fn new_name(&mut self) -> &'static str {
        self.one(&[
            "three",
            "two",
            "four",
            "INPUT",
            "ACCEPT",
            "LOG",
            "abcdefghijklmnopqrstuvwxyz0123",
            "abcdefghijklmnopqrstuvwxyz0123456789",
        ])
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
                return vec!["-E".into(), chain, self.new_name().into()];
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
            let entry = self.entry(MATCHES);
            let of = OF_PROTOCOLS.iter().find(|(name, _)| *name == entry.name);
            if let Some((_, protocol)) = of.filter(|_| self.careful && !asks_for_protocol(&words)) {
                words.extend(["-p", protocol].map(str::to_owned));
            }
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
        let name = self.one(&words::PROTOCOLS);
        words.extend(["-p".into(), name.to_owned()]);
        // Options of the protocol's match without its name.
        let lower = name.to_lowercase();
        let lower = if lower == "ipv6-icmp" { "icmp6" } else { &lower };
        let entry = MATCHES
            .iter()
            .find(|entry| entry.name == lower && entry.families.contains(&self.family));
        if let Some(entry) = entry.filter(|_| self.chance(40)) {
            self.options(entry.options, words);
        }
    }

    fn address(&mut self) -> String {
        let words = match self.family {
            AddressFamily::Inet => &words::INET[..],
            AddressFamily::Inet6 => &words::INET6,
        };
        self.one(words).to_owned()
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
                let entry = self.target();
                if self.careful && entry.name == "TCPMSS" && !asks_for_protocol(words) {
                    words.extend(["-p", "tcp", "--syn"].map(str::to_owned));
                }
                self.extension("-j", entry, words);
            }
        }
    }

    /// A target, with care one that belongs in the table.
    fn target(&mut self) -> &'static Entry<Target> {
        let typical = self.typical().1;
        let known = |entry: &&Entry<Target>| entry.families.contains(&self.family);
        let own: Vec<_> =
            TARGETS.iter().filter(|entry| typical.contains(&entry.name)).filter(known).collect();
        if self.careful && self.chance(70) { self.one(&own) } else { self.entry(TARGETS) }
    }

    /// An extension, seldom one that only the other family knows.
    fn entry<T>(&mut self, entries: &'static [Entry<T>]) -> &'static Entry<T> {
        let known: Vec<_> =
            entries.iter().filter(|entry| entry.families.contains(&self.family)).collect();
        if self.chance(5) { &entries[self.below(entries.len())] } else { self.one(&known) }
    }

    fn extension<T>(&mut self, letter: &str, entry: &Entry<T>, words: &mut Vec<String>) {
        words.extend([letter.to_owned(), entry.name.to_owned()]);
        self.options(entry.options, words);
    }

    fn options(&mut self, options: &[Opt], words: &mut Vec<String>) {
        let percent = if options.len() > 3 { 20 } else { 50 };
        for opt in options {
            if self.chance(if opt.mandatory { 96 } else { percent }) {
                let wrongly = if self.careful { 0 } else { 2 };
                self.invert(words, if opt.invert { 20 } else { wrongly });
                words.push(format!("--{}", opt.name));
                self.value(opt, words);
            }
        }
    }

    fn value(&mut self, opt: &Opt, words: &mut Vec<String>) {
        if opt.kind == Kind::None {
            return;
        }
        if let Some((min, max)) = words::bounds(opt.kind) {
            words.push(self.bounded(min, max));
            return;
        }
        let values = words::values(opt.name, opt.kind, self.family);
        if opt.kind == Kind::Pair {
            words.push(self.one(values).to_owned());
        }
        words.push(self.value_of(values).to_owned());
    }

    /// A number, perhaps too great.
    fn bounded(&mut self, min: u64, max: u64) -> String {
        match self.below(8) {
            0 => min.to_string(),
            1 => max.to_string(),
            2 => max.saturating_add(1).to_string(),
            3 => format!("0x{:x}", self.below(100)),
            _ => self.below(200).to_string(),
        }
    }

    /// A file for `iptables-restore`.
    fn restore(&mut self) -> Line {
        let table = self.table;
        let mut stdin = format!("*{table}\n:one - [0:0]\n:three - [0:0]\n");
        for _ in 0..self.below(5) {
            let words = match self.below(6) {
                0 => self.command(),
                1 => vec!["-E".to_owned(), self.chain().to_owned(), self.new_name().to_owned()],
                _ => {
                    let mut words = vec!["-A".to_owned(), self.chain().to_owned()];
                    words.extend(self.rule());
                    words
                }
            };
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

/// Whether the words of a rule ask for a protocol.
fn asks_for_protocol(words: &[String]) -> bool {
    words.iter().any(|word| word == "-p")
}
