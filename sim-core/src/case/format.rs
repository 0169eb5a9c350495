//! The two texts of a case: `setup.sh` and `packets.txt`.
//!
//! `packets.txt`, one step per line, times in milliseconds and never decreasing:
//!
//! ```text
//! # comment
//! @quiet 150                                    a directive
//! <ms> <netns> <dev> tx <hex ethernet frame>    <dev> receives the frame
//! <ms> <netns> - sh <one command>               a change of configuration
//! <ms> <netns> - raw <hex ipv4 packet>          local output with its own header (IP_HDRINCL)
//! <ms> <netns> - udp <src> <sport> <dst> <dport> <hex>
//! <ms> <netns> - udp-echo <addr> <port>
//! <ms> <netns> - tcp-listen <addr> <port>
//! <ms> <netns> - tcp-connect <src> <sport> <dst> <dport>
//! <ms> <netns> - tcp-send <sport> <hex>
//! <ms> <netns> - tcp-close <sport>
//! <ms> <netns> - nfq-bind <queue>
//! <ms> <netns> - nfq-accept <queue> <count|all>
//! wait <ms>                                     time passes
//! ```
//!
//! `-` as the namespace is the case's own root namespace.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4};

use thiserror::Error;

use super::words;
pub use crate::packet::hex::{from_hex, to_hex};

/// Which of the two texts an error is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CaseFile {
    /// `setup.sh`
    Setup,
    /// `packets.txt`
    Packets,
}

impl core::fmt::Display for CaseFile {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Setup => "setup.sh",
            Self::Packets => "packets.txt",
        })
    }
}

/// A line of a case that is not understood.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{file}:{line}: {kind}")]
pub struct FormatError {
    /// The text.
    pub file: CaseFile,
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub kind: FormatErrorKind,
}

/// What can be wrong with a line of a case.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FormatErrorKind {
    /// A shell would do more than run one command.
    #[error(
        "`{found}` is shell syntax; a case holds plain commands, double quotes and one `< file`"
    )]
    ShellSyntax {
        /// The first such character.
        found: char,
    },
    /// A double quote that is never closed.
    #[error("the double quote is never closed")]
    UnclosedQuote,
    /// A command that no case may hold.
    #[error(
        "`{tool}` is no command for a case; these are: ip, bridge, sysctl, tc, iptables and its family, nft, ipset, conntrack, nfacct"
    )]
    UnknownTool {
        /// The first word of the command.
        tool: String,
    },
    /// No command where one is needed.
    #[error("a command is missing")]
    NoCommand,
    /// `@word` that is no directive.
    #[error("unknown directive @{name}; known are: {}", DIRECTIVES.join(" "))]
    UnknownDirective {
        /// The word.
        name: String,
    },
    /// The fourth word is no verb.
    #[error("unknown verb `{verb}`; known are: {}", VERBS.map(|v| v.0).join(" "))]
    UnknownVerb {
        /// The word.
        verb: String,
    },
    /// A verb with too few or too many words.
    #[error("`{verb}` is written `{usage}`")]
    Arguments {
        /// The verb.
        verb: String,
        /// How it is written.
        usage: &'static str,
    },
    /// A step that stops before its verb.
    #[error("a step is written `<ms> <netns> <dev> <verb> ...` or `wait <ms>`")]
    ShortStep,
    /// A word that is no number of milliseconds.
    #[error("`{word}` is no time in milliseconds")]
    BadTime {
        /// The word.
        word: String,
    },
    /// A step before the one above it.
    #[error("time goes backwards: {at} ms after {clock} ms")]
    TimeGoesBackwards {
        /// The step's time, in milliseconds.
        at: String,
        /// The time reached, in milliseconds.
        clock: String,
    },
    /// A word that is not an even number of hex digits.
    #[error("`{word}` is not hex")]
    BadHex {
        /// The start of the word.
        word: String,
    },
    /// A word that is no address, port or number.
    #[error("`{word}` is no {wanted}")]
    BadWord {
        /// The word.
        word: String,
        /// What is wanted in its place.
        wanted: &'static str,
    },
}

/// The verbs and how they are written.
const VERBS: [(&str, &str); 11] = [
    ("tx", "tx <hex ethernet frame>"),
    ("sh", "sh <command>"),
    ("raw", "raw <hex ipv4 packet>"),
    ("udp", "udp <src> <sport> <dst> <dport> [<hex>]"),
    ("udp-echo", "udp-echo <addr> <port>"),
    ("tcp-listen", "tcp-listen <addr> <port>"),
    ("tcp-connect", "tcp-connect <src> <sport> <dst> <dport>"),
    ("tcp-send", "tcp-send <sport> <hex>"),
    ("tcp-close", "tcp-close <sport>"),
    ("nfq-bind", "nfq-bind <queue>"),
    ("nfq-accept", "nfq-accept <queue> <count|all>"),
];

const DIRECTIVES: [&str; 8] =
    ["quiet", "settle", "offload", "trace", "ctevents", "drops", "cpu", "timeout"];

/// The first words that a command may have.
const TOOLS: [&str; 8] = ["ip", "bridge", "sysctl", "tc", "nft", "ipset", "conntrack", "nfacct"];

/// The programs of the iptables family; each variant of each of them is a command too.
const XTABLES: [&str; 2] = ["iptables", "ip6tables"];
/// What may follow `iptables`, and what may follow that.
const XTABLES_VARIANTS: [&str; 3] = ["", "-legacy", "-nft"];
const XTABLES_FORMS: [&str; 3] = ["", "-restore", "-save"];

/// A case that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// The name, which is that of its folder.
    pub name: String,
    /// The commands that build the network.
    pub setup: Vec<Command>,
    /// The `@` lines.
    pub directives: Directives,
    /// The steps, in order.
    pub steps: Vec<Step>,
    /// Files that commands read, by name: what stands beside the two texts.
    pub files: BTreeMap<String, String>,
}

/// One command of `setup.sh` or of a `sh` step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// The line it stands in, counted from 1.
    pub line: usize,
    /// The words.
    pub argv: Vec<String>,
    /// The file, beside `setup.sh`, that is its standard input.
    pub stdin: Option<String>,
    /// The command as written.
    pub text: String,
}

/// What the `@` lines say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directives {
    /// How long after the last step things are looked at, in microseconds (150 ms unless given).
    pub quiet_us: u64,
    /// How long to wait on a real kernel once the links are up, in microseconds.
    pub settle_us: u64,
    /// Whether the devices keep their offloads on a real kernel.
    pub keep_offloads: bool,
    /// When a run is given up, in microseconds.
    pub timeout_us: u64,
    /// `@trace`: `nft` or `xtables`.
    pub trace: Option<String>,
    /// `@ctevents`: conntrack events are wanted.
    pub ctevents: bool,
}

impl Default for Directives {
    fn default() -> Self {
        Self {
            quiet_us: 150_000,
            settle_us: 0,
            keep_offloads: false,
            timeout_us: 120_000_000,
            trace: None,
            ctevents: false,
        }
    }
}

/// One line of `packets.txt`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The line, counted from 1: what observed frames name as their cause.
    pub line: usize,
    /// When, in microseconds after the start.
    pub at_us: u64,
    /// The namespace; empty for `wait`.
    pub netns: String,
    /// The device, `-` where there is none; empty for `wait`.
    pub dev: String,
    /// What happens.
    pub action: Action,
    /// The line as written.
    pub text: String,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// The device receives an Ethernet frame.
    Tx(Vec<u8>),
    /// A command runs.
    Sh(Command),
    /// Nothing happens until `at_us`.
    Wait,
    /// A raw socket with IP_HDRINCL sends an IPv4 packet.
    Raw(Vec<u8>),
    /// A UDP socket bound to `from` (made on first use) sends a datagram.
    Udp {
        /// Where it is bound.
        from: SocketAddrV4,
        /// Where it sends.
        to: SocketAddrV4,
        /// The payload.
        data: Vec<u8>,
    },
    /// A UDP socket that sends back whatever it gets.
    UdpEcho(SocketAddrV4),
    /// A listening TCP socket whose connections send back whatever they get.
    TcpListen(SocketAddr),
    /// A TCP socket bound to `from` connects.
    TcpConnect {
        /// Where it is bound.
        from: SocketAddr,
        /// Where it connects to.
        to: SocketAddr,
    },
    /// The TCP socket that connected from this port sends.
    TcpSend {
        /// Its own port.
        port: u16,
        /// The bytes.
        data: Vec<u8>,
    },
    /// The TCP socket that connected from this port is closed.
    TcpClose {
        /// Its own port.
        port: u16,
    },
    /// A netfilter queue starts to hold packets.
    NfqBind {
        /// Its number.
        queue: u16,
    },
    /// A netfilter queue lets packets go.
    NfqAccept {
        /// Its number.
        queue: u16,
        /// How many; `None` is all.
        count: Option<u32>,
    },
}

impl Case {
    /// Reads the two texts of a case.
    ///
    /// # Errors
    /// The first line that is not understood.
    pub fn parse(name: &str, setup: &str, packets: &str) -> Result<Self, FormatError> {
        let setup = parse_setup(setup)?;
        let mut directives = Directives::default();
        let mut steps: Vec<Step> = Vec::new();
        let mut clock_us = 0;
        for (line, text) in meaningful(packets) {
            let at = |kind| FormatError { file: CaseFile::Packets, line, kind };
            if let Some(directive) = text.strip_prefix('@') {
                directives.set(directive).map_err(at)?;
            } else {
                let step = parse_step(line, text, clock_us).map_err(at)?;
                clock_us = step.at_us;
                steps.push(step);
            }
        }
        Ok(Self { name: name.to_owned(), setup, directives, steps, files: BTreeMap::new() })
    }

    /// The commands of the setup and of the steps.
    pub fn commands(&self) -> impl Iterator<Item = &Command> {
        let steps = self.steps.iter().filter_map(|step| {
            if let Action::Sh(command) = &step.action { Some(command) } else { None }
        });
        self.setup.iter().chain(steps)
    }

    /// Tells whether a command sets up, or asks for, anything of netfilter.
    #[must_use]
    pub fn uses_netfilter(&self) -> bool {
        self.commands().any(Command::uses_netfilter)
    }

    /// Looks up the step that stands in a line of `packets.txt`.
    #[must_use]
    pub fn step_at(&self, line: usize) -> Option<&Step> {
        self.steps.iter().find(|step| step.line == line)
    }

    /// The steps but for `wait`, as an observation lists them: line, namespace, device, verb, words.
    #[must_use]
    pub fn injected(&self) -> Vec<(usize, String, String, String, Vec<String>)> {
        let steps = self.steps.iter().filter(|step| step.action != Action::Wait);
        let rows = steps.map(|step| {
            let mut words = step.text.split_whitespace().skip(3).map(str::to_owned);
            let verb = words.next().unwrap_or_default();
            let args = if let Action::Sh(command) = &step.action {
                vec![command.text.clone()]
            } else {
                words.collect()
            };
            (step.line, step.netns.clone(), step.dev.clone(), verb, args)
        });
        rows.collect()
    }

    /// Tells when the network is looked at, in microseconds after the start.
    #[must_use]
    pub fn end_us(&self) -> u64 {
        self.steps.last().map_or(0, |step| step.at_us) + self.directives.quiet_us
    }
}

impl Command {
    /// Reads one command.
    ///
    /// # Errors
    /// Shell syntax, or a tool that no case may use.
    pub fn parse(line: usize, text: &str) -> Result<Self, FormatErrorKind> {
        let words::Words { argv, stdin } = words::split(text)?;
        let command = Self { line, argv, stdin, text: text.to_owned() };
        let tool = command.inside_netns().1.first().ok_or(FormatErrorKind::NoCommand)?;
        if TOOLS.contains(&tool.as_str()) || is_xtables(tool) {
            Ok(command)
        } else {
            Err(FormatErrorKind::UnknownTool { tool: tool.clone() })
        }
    }

    fn uses_netfilter(&self) -> bool {
        let tool = self.inside_netns().1.first().map_or("", String::as_str);
        is_xtables(tool) || matches!(tool, "nft" | "conntrack")
    }

    /// Takes a leading `ip netns exec NETNS` apart: the namespace, and the command run in it.
    #[must_use]
    pub fn inside_netns(&self) -> (Option<&str>, &[String]) {
        match self.argv.as_slice() {
            [ip, netns, exec, name, rest @ ..]
                if ip == "ip" && netns == "netns" && exec == "exec" =>
            {
                (Some(name), rest)
            }
            all => (None, all),
        }
    }
}

impl Directives {
    fn set(&mut self, directive: &str) -> Result<(), FormatErrorKind> {
        let (name, value) = directive.split_once(char::is_whitespace).unwrap_or((directive, "on"));
        let value = value.trim();
        match name {
            "quiet" => self.quiet_us = parse_ms(value)?,
            "settle" => self.settle_us = parse_ms(value)?,
            "timeout" => self.timeout_us = parse_ms(value)?.saturating_mul(1000),
            "offload" => self.keep_offloads = value == "keep",
            "trace" => self.trace = Some(value.to_owned()),
            "ctevents" => self.ctevents = value == "on",
            "drops" | "cpu" => {}
            _ => return Err(FormatErrorKind::UnknownDirective { name: name.to_owned() }),
        }
        Ok(())
    }
}

/// Tells whether a command is one of the iptables family: `iptables`, `iptables-nft-save` and so on.
#[must_use]
pub fn is_xtables(tool: &str) -> bool {
    XTABLES.iter().filter_map(|name| tool.strip_prefix(name)).any(|rest| {
        let variants = XTABLES_VARIANTS.iter().filter_map(|variant| rest.strip_prefix(variant));
        variants.into_iter().any(|form| XTABLES_FORMS.contains(&form))
    })
}

/// The lines that are neither blank nor comments, trimmed and numbered.
fn meaningful(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .enumerate()
        .map(|(index, line)| (index + 1, line.trim()))
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
}

fn parse_setup(text: &str) -> Result<Vec<Command>, FormatError> {
    meaningful(text)
        .map(|(line, text)| {
            Command::parse(line, text).map_err(|kind| FormatError {
                file: CaseFile::Setup,
                line,
                kind,
            })
        })
        .collect()
}

fn parse_step(line: usize, text: &str, clock_us: u64) -> Result<Step, FormatErrorKind> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let step = |at_us, netns: &str, dev: &str, action| Step {
        line,
        at_us,
        netns: netns.to_owned(),
        dev: dev.to_owned(),
        action,
        text: text.to_owned(),
    };
    match words.as_slice() {
        ["wait", duration] => {
            let at_us = clock_us.saturating_add(parse_ms(duration)?);
            Ok(step(at_us, "", "", Action::Wait))
        }
        [at, netns, dev, verb, args @ ..] => {
            let at_us = parse_ms(at)?;
            if at_us < clock_us {
                let clock = show_ms(clock_us);
                return Err(FormatErrorKind::TimeGoesBackwards { at: (*at).to_owned(), clock });
            }
            let action = if *verb == "sh" {
                Action::Sh(Command::parse(line, after_words(text, 4))?)
            } else {
                parse_action(verb, args)?
            };
            Ok(step(at_us, netns, dev, action))
        }
        _ => Err(FormatErrorKind::ShortStep),
    }
}

/// What follows the first `count` words of `text`.
fn after_words(text: &str, count: usize) -> &str {
    let mut rest = text.trim_start();
    for _ in 0..count {
        rest = rest.find(char::is_whitespace).map_or("", |end| rest[end..].trim_start());
    }
    rest
}

fn parse_action(verb: &str, args: &[&str]) -> Result<Action, FormatErrorKind> {
    Ok(match (verb, args) {
        ("tx", [_, ..]) => Action::Tx(parse_hex(&args.concat())?),
        ("raw", [_, ..]) => Action::Raw(parse_hex(&args.concat())?),
        ("udp", [src, sport, dst, dport, data @ ..]) if data.len() <= 1 => Action::Udp {
            from: parse_socket(src, sport)?,
            to: parse_socket(dst, dport)?,
            data: parse_hex(&data.concat())?,
        },
        ("udp-echo", [addr, port]) => Action::UdpEcho(parse_socket(addr, port)?),
        ("tcp-listen", [addr, port]) => Action::TcpListen(parse_tcp_socket(addr, port)?),
        ("tcp-connect", [src, sport, dst, dport]) => Action::TcpConnect {
            from: parse_tcp_socket(src, sport)?,
            to: parse_tcp_socket(dst, dport)?,
        },
        ("tcp-send", [port, data]) => {
            Action::TcpSend { port: parse_number(port, "port")?, data: parse_hex(data)? }
        }
        ("tcp-close", [port]) => Action::TcpClose { port: parse_number(port, "port")? },
        ("nfq-bind", [queue]) => Action::NfqBind { queue: parse_number(queue, "queue number")? },
        ("nfq-accept", [queue, count]) => Action::NfqAccept {
            queue: parse_number(queue, "queue number")?,
            count: if *count == "all" { None } else { Some(parse_number(count, "count")?) },
        },
        _ => return Err(verb_error(verb)),
    })
}

fn verb_error(verb: &str) -> FormatErrorKind {
    match VERBS.iter().find(|known| known.0 == verb) {
        Some(&(_, usage)) => FormatErrorKind::Arguments { verb: verb.to_owned(), usage },
        None => FormatErrorKind::UnknownVerb { verb: verb.to_owned() },
    }
}

/// Reads milliseconds with up to three decimals as microseconds.
fn parse_ms(word: &str) -> Result<u64, FormatErrorKind> {
    let bad = || FormatErrorKind::BadTime { word: word.to_owned() };
    let (whole, fraction) = word.split_once('.').unwrap_or((word, "0"));
    if fraction.len() > 3 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return Err(bad());
    }
    let whole: u64 = whole.parse().map_err(|_| bad())?;
    let micros: u64 = format!("{fraction:0<3}").parse().map_err(|_| bad())?;
    whole.checked_mul(1000).and_then(|us| us.checked_add(micros)).ok_or_else(bad)
}

/// Writes microseconds as milliseconds.
pub(super) fn show_ms(us: u64) -> String {
    match us % 1000 {
        0 => format!("{}", us / 1000),
        rest => format!("{}.{rest:03}", us / 1000),
    }
}

fn parse_hex(word: &str) -> Result<Vec<u8>, FormatErrorKind> {
    from_hex(word).ok_or_else(|| FormatErrorKind::BadHex { word: word.chars().take(40).collect() })
}

fn parse_socket(addr: &str, port: &str) -> Result<SocketAddrV4, FormatErrorKind> {
    let ip: Ipv4Addr = parse_number(addr, "IPv4 address")?;
    Ok(SocketAddrV4::new(ip, parse_number(port, "port")?))
}

/// Sockets of TCP are of either family.
fn parse_tcp_socket(addr: &str, port: &str) -> Result<SocketAddr, FormatErrorKind> {
    let ip: IpAddr = parse_number(addr, "IP address")?;
    Ok(SocketAddr::new(ip, parse_number(port, "port")?))
}

fn parse_number<T: core::str::FromStr>(
    word: &str,
    wanted: &'static str,
) -> Result<T, FormatErrorKind> {
    word.parse().map_err(|_| FormatErrorKind::BadWord { word: word.to_owned(), wanted })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(packets: &str) -> String {
        Case::parse("t", "", packets).unwrap_err().to_string()
    }

    #[test]
    fn steps_and_directives_are_read() {
        let case = Case::parse(
            "t",
            "ip netns add r\n\n# a comment\nip netns exec r sysctl -qw net.ipv4.ip_forward=1\n",
            "@quiet 20\n0 r c0 tx 0102\n1.5 r - sh ip -n r  link\nwait 3400\n4000 r - udp 10.0.0.1 5 10.0.0.2 6\n",
        )
        .unwrap();
        assert_eq!(case.setup[1].inside_netns().0, Some("r"));
        assert_eq!(case.setup[1].line, 4);
        assert_eq!(case.directives.quiet_us, 20_000);
        assert_eq!(case.steps[0].action, Action::Tx(vec![1, 2]));
        assert_eq!(case.steps[1].at_us, 1500);
        assert!(matches!(&case.steps[1].action, Action::Sh(c) if c.text == "ip -n r  link"));
        assert_eq!((case.steps[2].line, case.steps[2].at_us), (4, 3_401_500));
        assert_eq!(case.end_us(), 4_020_000);
    }

    #[test]
    fn every_variant_of_iptables_is_a_command() {
        for tool in ["iptables", "iptables-restore", "iptables-legacy-save", "ip6tables-nft"] {
            assert!(is_xtables(tool), "{tool}");
        }
        for tool in ["iptables-legacy-legacy", "iptables-", "xtables", "iptables-save-c"] {
            assert!(!is_xtables(tool), "{tool}");
        }
    }

    #[test]
    fn errors_name_the_line_and_what_is_wrong() {
        for (packets, wanted) in [
            ("\n0 r c0 tx 012", "packets.txt:2: `012` is not hex"),
            ("5 r c0 tx 00\n4 r c0 tx 00", "packets.txt:2: time goes backwards: 4 ms after 5 ms"),
            ("0 r", "packets.txt:1: a step is written"),
            ("0 r - tcp-send 5", "packets.txt:1: `tcp-send` is written `tcp-send <sport> <hex>`"),
            ("0 r - udp 10.0.0 5 10.0.0.1 5", "packets.txt:1: `10.0.0` is no IPv4 address"),
            ("0 r - tcp-listen fd00: 5", "packets.txt:1: `fd00:` is no IP address"),
            ("0 r - sh ls", "packets.txt:1: `ls` is no command for a case"),
            ("0 r - fly", "packets.txt:1: unknown verb `fly`"),
            ("@loud", "packets.txt:1: unknown directive @loud"),
            ("x r c0 tx 00", "packets.txt:1: `x` is no time in milliseconds"),
        ] {
            assert!(error(packets).starts_with(wanted), "{}", error(packets));
        }
        let setup = Case::parse("t", "ip link\nip link | cat\n", "").unwrap_err().to_string();
        assert!(setup.starts_with("setup.sh:2: `|` is shell syntax"), "{setup}");
    }
}
