//! The command line of `ss`: what is shown of which sockets.

use crate::socket::tcp::TcpState;
use crate::tools::failure::{Failure, Result};
use crate::tools::getopt::{Getopt, LongOption, Word};

const USAGE: &str = include_str!("usage.txt");
const VERSION: &str = "ss utility, iproute2-6.1.0\n";
const OPTIONS: &str = "dhaletuwxnro460spTbEf:mMiA:D:F:vVzZN:KHSO";

// What has no letter of its own.
const VSOCK: char = '\u{100}';
const TIPC: char = '\u{101}';
const TIPC_INFO: char = '\u{102}';
const TOS: char = '\u{103}';
const XDP: char = '\u{104}';
const CGROUP: char = '\u{105}';
const INET_SOCKOPT: char = '\u{106}';

const LONG: &[LongOption] = &[
    ("numeric", 'n', false),
    ("resolve", 'r', false),
    ("options", 'o', false),
    ("extended", 'e', false),
    ("memory", 'm', false),
    ("info", 'i', false),
    ("processes", 'p', false),
    ("threads", 'T', false),
    ("bpf", 'b', false),
    ("events", 'E', false),
    ("dccp", 'd', false),
    ("tcp", 't', false),
    ("sctp", 'S', false),
    ("udp", 'u', false),
    ("raw", 'w', false),
    ("unix", 'x', false),
    ("tipc", TIPC, false),
    ("vsock", VSOCK, false),
    ("all", 'a', false),
    ("listening", 'l', false),
    ("ipv4", '4', false),
    ("ipv6", '6', false),
    ("packet", '0', false),
    ("family", 'f', true),
    ("socket", 'A', true),
    ("query", 'A', true),
    ("summary", 's', false),
    ("diag", 'D', true),
    ("filter", 'F', true),
    ("version", 'V', false),
    ("help", 'h', false),
    ("context", 'Z', false),
    ("contexts", 'z', false),
    ("net", 'N', true),
    ("tipcinfo", TIPC_INFO, false),
    ("tos", TOS, false),
    ("cgroup", CGROUP, false),
    ("kill", 'K', false),
    ("no-header", 'H', false),
    ("xdp", XDP, false),
    ("mptcp", 'M', false),
    ("oneline", 'O', false),
    ("inet-sockopt", INET_SOCKOPT, false),
];

/// A set of states; bit numbers are those of [`TcpState`], bit 0 means nothing.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct States(u32);

impl States {
    const ALL: Self = Self(0xfff);
    /// Connections that are not about to come or gone (`SS_CONN`).
    const CONNECTED: Self = Self::ALL
        .without(Self::of(TcpState::Listen))
        .without(Self::of(TcpState::Close))
        .without(Self::BUCKET);
    /// Those that are kept as less than a socket.
    const BUCKET: Self = Self::of(TcpState::TimeWait).with(Self::of(TcpState::SynRecv));

    const fn of(state: TcpState) -> Self {
        Self(1 << state as u32)
    }

    const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    pub(super) const fn has(self, state: TcpState) -> bool {
        self.0 & Self::of(state).0 != 0
    }

    const fn or(self, other: Self) -> Self {
        if self.0 == 0 { other } else { self }
    }

    /// Whether it is one state.
    pub(super) const fn is_one(self) -> bool {
        self.0.is_power_of_two()
    }

    /// What a word behind `state` means (`scan_state()`).
    fn parse(word: &str) -> Result<Self> {
        let unsynchronized = Self::of(TcpState::Close).with(Self::of(TcpState::Listen));
        let states = match word.to_ascii_lowercase().as_str() {
            "unknown" => Self(1),
            "established" => Self::of(TcpState::Established),
            "syn-sent" => Self::of(TcpState::SynSent),
            "syn-recv" | "syn-rcv" => Self::of(TcpState::SynRecv),
            "fin-wait-1" => Self::of(TcpState::FinWait1),
            "fin-wait-2" => Self::of(TcpState::FinWait2),
            "time-wait" => Self::of(TcpState::TimeWait),
            "unconnected" | "close" | "closed" => Self::of(TcpState::Close),
            "close-wait" => Self::of(TcpState::CloseWait),
            "last-ack" => Self::of(TcpState::LastAck),
            "listening" => Self::of(TcpState::Listen),
            "closing" => Self::of(TcpState::Closing),
            "all" => Self::ALL,
            "connected" => Self::ALL.without(unsynchronized),
            "synchronized" => {
                Self::ALL.without(unsynchronized).without(Self::of(TcpState::SynSent))
            }
            "bucket" => Self::BUCKET,
            "big" => Self::ALL.without(Self::BUCKET),
            _ => return Err(Failure::exits(255, format!("ss: wrong state name: {word}\n"))),
        };
        Ok(states)
    }
}

/// A list of sockets of a kind, with those that the model has no sockets of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Db {
    Tcp,
    Mptcp,
    Dccp,
    Udp,
    Raw,
    UnixDgram,
    UnixStream,
    UnixSeqpacket,
    PacketDgram,
    PacketRaw,
    Netlink,
    Sctp,
    VsockStream,
    VsockDgram,
    Tipc,
    Xdp,
}

/// An address family.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Family {
    Inet,
    Inet6,
    Unix,
    Packet,
    Netlink,
    Vsock,
    Tipc,
    Xdp,
}

const INET: u32 = 1 << Family::Inet as u32 | 1 << Family::Inet6 as u32;
const INET_DBS: &[Db] = &[Db::Udp, Db::Dccp, Db::Tcp, Db::Mptcp, Db::Sctp, Db::Raw];
const UNIX_DBS: &[Db] = &[Db::UnixStream, Db::UnixDgram, Db::UnixSeqpacket];
const PACKET_DBS: &[Db] = &[Db::PacketRaw, Db::PacketDgram];
const VSOCK_DBS: &[Db] = &[Db::VsockStream, Db::VsockDgram];
const ALL_DBS: &[&[Db]] = &[INET_DBS, UNIX_DBS, PACKET_DBS, VSOCK_DBS, &[Db::Netlink, Db::Xdp]];

impl Db {
    const fn bit(self) -> u32 {
        1 << self as u32
    }

    /// The families that its sockets are of.
    const fn families(self) -> u32 {
        match self {
            Self::Tcp | Self::Mptcp | Self::Dccp | Self::Udp | Self::Raw | Self::Sctp => INET,
            Self::UnixDgram | Self::UnixStream | Self::UnixSeqpacket => Family::Unix.bit(),
            Self::PacketDgram | Self::PacketRaw => Family::Packet.bit(),
            Self::Netlink => Family::Netlink.bit(),
            Self::VsockStream | Self::VsockDgram => Family::Vsock.bit(),
            Self::Tipc => Family::Tipc.bit(),
            Self::Xdp => Family::Xdp.bit(),
        }
    }

    /// The states that are shown unless others are asked for.
    const fn states(self) -> States {
        match self {
            Self::Tcp | Self::Mptcp | Self::Dccp | Self::Sctp => States::CONNECTED,
            Self::UnixStream | Self::UnixSeqpacket => States::CONNECTED,
            Self::VsockStream | Self::VsockDgram => States::CONNECTED,
            Self::Udp | Self::Raw => States::of(TcpState::Established),
            Self::UnixDgram | Self::PacketDgram | Self::PacketRaw | Self::Netlink | Self::Xdp => {
                States::of(TcpState::Close)
            }
            Self::Tipc => Family::Tipc.states(),
        }
    }

    /// What a word of `-A` means.
    fn parse(word: &str) -> Option<Vec<Self>> {
        Some(match word {
            "all" => ALL_DBS.concat(),
            "inet" => INET_DBS.to_vec(),
            "udp" => vec![Self::Udp],
            "dccp" => vec![Self::Dccp],
            "tcp" => vec![Self::Tcp],
            "mptcp" => vec![Self::Mptcp],
            "sctp" => vec![Self::Sctp],
            "raw" => vec![Self::Raw],
            "unix" => UNIX_DBS.to_vec(),
            "unix_stream" | "u_str" => vec![Self::UnixStream],
            "unix_dgram" | "u_dgr" => vec![Self::UnixDgram],
            "unix_seqpacket" | "u_seq" => vec![Self::UnixSeqpacket],
            "packet" => PACKET_DBS.to_vec(),
            "packet_raw" | "p_raw" => vec![Self::PacketRaw],
            "packet_dgram" | "p_dgr" => vec![Self::PacketDgram],
            "netlink" => vec![Self::Netlink],
            "tipc" => vec![Self::Tipc],
            "vsock" => VSOCK_DBS.to_vec(),
            "vsock_stream" | "v_str" => vec![Self::VsockStream],
            "vsock_dgram" | "v_dgr" => vec![Self::VsockDgram],
            "xdp" => vec![Self::Xdp],
            _ => return None,
        })
    }
}

impl Family {
    const ALL: [Self; 8] = [
        Self::Inet,
        Self::Inet6,
        Self::Unix,
        Self::Packet,
        Self::Netlink,
        Self::Vsock,
        Self::Tipc,
        Self::Xdp,
    ];

    const fn bit(self) -> u32 {
        1 << self as u32
    }

    fn dbs(self) -> u32 {
        let dbs: &[Db] = match self {
            Self::Inet | Self::Inet6 => INET_DBS,
            Self::Unix => UNIX_DBS,
            Self::Packet => PACKET_DBS,
            Self::Netlink => &[Db::Netlink],
            Self::Vsock => VSOCK_DBS,
            Self::Tipc => &[Db::Tipc],
            Self::Xdp => &[Db::Xdp],
        };
        dbs.iter().fold(0, |bits, db| bits | db.bit())
    }

    const fn states(self) -> States {
        match self {
            Self::Inet | Self::Inet6 | Self::Unix | Self::Vsock => States::CONNECTED,
            Self::Packet | Self::Netlink | Self::Xdp => States::of(TcpState::Close),
            Self::Tipc => States::of(TcpState::Established)
                .with(States::of(TcpState::Listen))
                .with(States::of(TcpState::Close)),
        }
    }

    fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "inet" => Self::Inet,
            "inet6" => Self::Inet6,
            "link" => Self::Packet,
            "unix" => Self::Unix,
            "netlink" => Self::Netlink,
            "tipc" => Self::Tipc,
            "vsock" => Self::Vsock,
            "xdp" => Self::Xdp,
            _ => return None,
        })
    }
}

/// Which sockets are listed.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Selection {
    dbs: u32,
    families: u32,
    pub(super) states: States,
    /// The family that was named last: addresses of filters are read as its.
    pub(super) preferred: Option<Family>,
}

impl Selection {
    pub(super) const fn has(&self, db: Db) -> bool {
        self.dbs & db.bit() != 0
    }

    pub(super) const fn has_family(&self, family: Family) -> bool {
        self.families & family.bit() != 0
    }

    /// Whether it is one kind of sockets.
    pub(super) const fn is_one_kind(&self) -> bool {
        self.dbs.is_power_of_two()
    }

    fn add(&mut self, db: Db) {
        self.states = self.states.with(db.states());
        self.dbs |= db.bit();
    }

    fn add_family(&mut self, family: Family) {
        self.states = self.states.with(family.states());
        self.families |= family.bit();
        self.preferred = Some(family);
    }

    /// Narrows the list to a family that a filter names.
    pub(super) fn narrow(&mut self, family: Family) {
        self.families = family.bit();
        self.preferred = Some(family);
    }

    /// Takes all families of kinds, and all kinds of families, of which none was named
    /// (`filter_merge_defaults()`).
    fn complete(&mut self) {
        const DBS: [Db; 16] = [
            Db::Tcp,
            Db::Mptcp,
            Db::Dccp,
            Db::Udp,
            Db::Raw,
            Db::UnixDgram,
            Db::UnixStream,
            Db::UnixSeqpacket,
            Db::PacketDgram,
            Db::PacketRaw,
            Db::Netlink,
            Db::Sctp,
            Db::VsockStream,
            Db::VsockDgram,
            Db::Tipc,
            Db::Xdp,
        ];
        for db in DBS {
            if self.has(db) && db.families() & self.families == 0 {
                self.families |= db.families();
            }
        }
        for family in Family::ALL {
            if self.has_family(family) && family.dbs() & self.dbs == 0 {
                self.dbs |= family.dbs();
            }
        }
    }
}

/// What a command line asks for.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Args {
    pub(super) selection: Selection,
    pub(super) numeric: bool,
    pub(super) resolve: bool,
    pub(super) options: bool,
    pub(super) details: bool,
    pub(super) memory: bool,
    pub(super) info: bool,
    pub(super) processes: bool,
    pub(super) threads: bool,
    pub(super) tos: bool,
    pub(super) cgroup: bool,
    pub(super) inet_sockopt: bool,
    pub(super) no_header: bool,
    pub(super) oneline: bool,
    pub(super) summary: bool,
    /// Whether a list is shown too.
    pub(super) list: bool,
    /// The namespace of `-N`.
    pub(super) netns: Option<String>,
    /// The words of the filter.
    pub(super) filter: Vec<String>,
}

pub(super) fn usage() -> Failure {
    Failure::exits(255, USAGE)
}

fn refuse(what: &str) -> Failure {
    Failure::exits(255, format!("ss: {what} is not modelled\n"))
}

/// What is known of the states while options are read.
#[derive(Clone, Copy, Debug, Default)]
struct Reading {
    states: States,
    saw_query: bool,
    /// Whether something was named, so that not all is shown.
    is_chosen: bool,
}

/// Reads the words after `ss`.
pub(super) fn parse(words: &[String]) -> Result<Args> {
    let mut args = Args::default();
    let mut reading = Reading::default();
    let mut operands = Vec::new();
    for word in Getopt::new(OPTIONS, words).with_long(LONG) {
        match word {
            Err(error) => return Err(Failure::exits(255, format!("ss: {error}\n{USAGE}"))),
            Ok(Word::Operand(operand)) => operands.push(operand.to_owned()),
            Ok(Word::Option(letter, value)) => {
                args.option(&mut reading, letter, value.unwrap_or_default())?;
            }
        }
    }
    args.list = !args.summary || reading.is_chosen || !operands.is_empty();
    args.choose(reading, operands)?;
    Ok(args)
}

impl Args {
    fn option(&mut self, reading: &mut Reading, letter: char, value: &str) -> Result<()> {
        let selection = &mut self.selection;
        match letter {
            'n' => self.numeric = true,
            'r' => self.resolve = true,
            'o' => self.options = true,
            'e' => (self.options, self.details) = (true, true),
            'm' => self.memory = true,
            'i' => self.info = true,
            'p' => self.processes = true,
            'T' => self.threads = true,
            'H' => self.no_header = true,
            'O' => self.oneline = true,
            's' => self.summary = true,
            'a' => reading.states = States::ALL,
            'l' => {
                let idle = States::of(TcpState::Close);
                reading.states = States::of(TcpState::Listen).with(idle);
            }
            'N' => self.netns = Some(value.to_owned()),
            TOS => self.tos = true,
            CGROUP => self.cgroup = true,
            INET_SOCKOPT => self.inet_sockopt = true,
            // It concerns sockets that there are none of.
            TIPC_INFO => {}
            'h' => return Err(Failure::exits_stdout(0, USAGE)),
            'v' | 'V' => return Err(Failure::exits_stdout(0, VERSION)),
            'Z' | 'z' => return Err(Failure::exits(1, "ss: SELinux is not enabled.\n")),
            'b' => return Err(refuse("-b: BPF")),
            'E' => return Err(refuse("-E: events")),
            'K' => return Err(refuse("-K: closing the sockets of others")),
            'D' | 'F' => return Err(refuse(&format!("-{letter}: files"))),
            'A' => {
                if !std::mem::replace(&mut reading.saw_query, true) {
                    selection.dbs = 0;
                    reading.states = reading.states.or(States::CONNECTED);
                    reading.is_chosen = true;
                }
                return self.query(value);
            }
            'f' if value == "help" => return Err(Failure::exits_stdout(0, USAGE)),
            _ => {
                reading.is_chosen = true;
                return self.choose_kind(letter, value);
            }
        }
        Ok(())
    }

    /// An option that names sockets.
    fn choose_kind(&mut self, letter: char, value: &str) -> Result<()> {
        let selection = &mut self.selection;
        match letter {
            't' => selection.add(Db::Tcp),
            'u' => selection.add(Db::Udp),
            'w' => selection.add(Db::Raw),
            'd' => selection.add(Db::Dccp),
            'S' => selection.add(Db::Sctp),
            'M' => selection.add(Db::Mptcp),
            '4' => selection.add_family(Family::Inet),
            '6' => selection.add_family(Family::Inet6),
            '0' => selection.add_family(Family::Packet),
            'x' => selection.add_family(Family::Unix),
            VSOCK => selection.add_family(Family::Vsock),
            TIPC => selection.add_family(Family::Tipc),
            XDP => selection.add_family(Family::Xdp),
            _ => {
                let unknown =
                    || Failure::exits(255, format!("ss: \"{value}\" is invalid family\n{USAGE}"));
                let family = Family::parse(value).ok_or_else(unknown)?;
                if family == Family::Netlink {
                    return Err(refuse("-f netlink"));
                }
                selection.add_family(family);
            }
        }
        Ok(())
    }

    /// `-A`: kinds of sockets, and with `!` those that are left out.
    fn query(&mut self, value: &str) -> Result<()> {
        for word in value.split(',') {
            let (leaves_out, name) = match word.strip_prefix('!') {
                Some(name) => (true, name),
                None => (false, word),
            };
            if name == "netlink" && !leaves_out {
                return Err(refuse("-A netlink"));
            }
            let illegal = || {
                Failure::exits(255, format!("ss: \"{word}\" is illegal socket table id\n{USAGE}"))
            };
            for db in Db::parse(name).ok_or_else(illegal)? {
                if leaves_out {
                    self.selection.dbs &= !db.bit();
                } else {
                    self.selection.add(db);
                }
            }
        }
        Ok(())
    }

    /// Reads the states in front of the filter, and decides what is shown.
    fn choose(&mut self, mut reading: Reading, operands: Vec<String>) -> Result<()> {
        let mut saw_states = false;
        let mut words = operands.into_iter().peekable();
        while let Some(word) = words.next_if(|w| ["state", "exclude", "excl"].contains(&w.as_str()))
        {
            let states = States::parse(&words.next().ok_or_else(Failure::incomplete)?)?;
            let known = saw_states.then_some(reading.states);
            reading.states = if word == "state" {
                known.unwrap_or_default().with(states)
            } else {
                known.unwrap_or(States::ALL).without(states)
            };
            saw_states = true;
        }
        self.filter = words.collect();
        let selection = &mut self.selection;
        if !reading.is_chosen {
            reading.states = reading.states.or(States::CONNECTED);
            ALL_DBS.concat().into_iter().for_each(|db| selection.add(db));
        }
        selection.states = reading.states.or(selection.states);
        selection.complete();
        let nothing = [
            (selection.dbs, "tables"),
            (selection.families, "families"),
            (selection.states.0, "states"),
        ];
        match nothing.into_iter().find(|(bits, _)| *bits == 0) {
            _ if !self.list => Ok(()),
            None => Ok(()),
            Some((_, "families")) => {
                Err(Failure::exits(0, "ss: no families to show with such filter.\n"))
            }
            Some((_, what)) => {
                Err(Failure::exits(0, format!("ss: no socket {what} to show with such filter.\n")))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Args> {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        parse(&words)
    }

    fn selects(line: &str) -> Selection {
        read(line).unwrap().selection
    }

    #[test]
    fn kinds_that_are_named_have_states_of_their_own() {
        let tcp = selects("-t");
        assert!(tcp.has(Db::Tcp) && tcp.is_one_kind() && tcp.has_family(Family::Inet6));
        assert!(!tcp.states.has(TcpState::Listen) && !tcp.states.has(TcpState::TimeWait));
        let packet = selects("-0");
        assert!(packet.has(Db::PacketRaw) && packet.has(Db::PacketDgram) && packet.states.is_one());
        assert!(selects("-4t").is_one_kind() && !selects("-4t").has_family(Family::Inet6));
        assert!(selects("-A all,!tcp").has(Db::Udp) && !selects("-A all,!tcp").has(Db::Tcp));
        assert!(selects("-s -t").has(Db::Tcp) && !read("-s").unwrap().list);
    }

    #[test]
    fn states_add_up_and_exclusions_take_away() {
        let both = selects("-t state listening state established").states;
        assert!(both.has(TcpState::Listen) && both.has(TcpState::Established) && !both.is_one());
        let rest = selects("-t excl listening excl all").states;
        assert_eq!(rest, selects("-t").states);
        assert!(selects("-t exclude established").states.has(TcpState::TimeWait));
    }

    /// Seen on iproute2 6.1.0.
    #[test]
    fn bad_words_are_refused_in_the_real_words() {
        for (line, code, text) in [
            ("-t state foo", 255, "ss: wrong state name: foo\n"),
            ("-t state", 255, "Command line is not complete. Try option \"help\"\n"),
            ("-A !tcp", 0, "ss: no socket tables to show with such filter.\n"),
            ("-Z", 1, "ss: SELinux is not enabled.\n"),
        ] {
            let failure = read(line).unwrap_err();
            assert_eq!((failure.code, failure.stderr.as_str()), (code, text), "{line}");
        }
        for (line, text) in [
            ("-A foo", "ss: \"foo\" is illegal socket table id\n"),
            ("-f foo", "ss: \"foo\" is invalid family\n"),
            ("--in", "ss: option '--in' is ambiguous; possibilities: '--info' '--inet-sockopt'\n"),
            ("-q", "ss: invalid option -- 'q'\n"),
        ] {
            let failure = read(line).unwrap_err();
            assert_eq!((failure.code, failure.stderr), (255, format!("{text}{USAGE}")), "{line}");
        }
    }
}
