//! The words of a `conntrack` command.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::family::AddressFamily;
use crate::libc::number::{atoi, strtoul};
use crate::libc::{inet_aton, protocols};
use crate::netfilter::conntrack::{Dir, Status};
use crate::packet::IpProto;
use crate::tools::conntrack::options::{Command, Key, NOTHING, Opt, Opts};
use crate::tools::conntrack::print::write;
use crate::tools::conntrack::proto::{Field, NOT_MODELLED, PROTOS, Proto};
use crate::tools::conntrack::scan::{Scanned, Scanner};
use crate::tools::conntrack::template::{Masked, Template};

/// Why a command ends early.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Trouble {
    /// The words make no sense (`PARAMETER_PROBLEM`).
    Words(String),
    /// It did not work (`OTHER_PROBLEM`).
    Other(String),
    /// The real tool could do this.
    NotModelled(String),
}

/// The outcome of a part of a command.
pub(super) type Result<T> = std::result::Result<T, Trouble>;

/// Words that make no sense.
pub(super) fn words<T>(text: impl Into<String>) -> Result<T> {
    Err(Trouble::Words(text.into()))
}

/// Which table a command is about.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum Table {
    #[default]
    Conntrack,
    Expect,
    /// Connections that are not in the table any more, or not yet: there is never one when a command runs.
    Passing,
}

/// What is shown of each connection.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Output(u32);

impl Output {
    pub(super) const XML: Self = Self(1);
    pub(super) const EXTENDED: Self = Self(1 << 1);
    pub(super) const TIMESTAMP: Self = Self(1 << 2);
    pub(super) const ID: Self = Self(1 << 3);
    pub(super) const KTIMESTAMP: Self = Self(1 << 4);
    pub(super) const LABELS: Self = Self(1 << 5);
    pub(super) const SAVE: Self = Self(1 << 6);

    pub(super) const fn has(self, what: Self) -> bool {
        self.0 & what.0 != 0
    }
}

/// What the events to show are called, and their bits.
pub(super) mod event {
    pub(in super::super) const NEW: u32 = 1;
    pub(in super::super) const UPDATE: u32 = 1 << 1;
    pub(in super::super) const DESTROY: u32 = 1 << 2;
}

/// What a status is called.
const STATUS: &[(&str, u32)] = &[
    ("ASSURED", Status::ASSURED.0),
    ("SEEN_REPLY", Status::SEEN_REPLY.0),
    ("UNSET", 0),
    ("FIXED_TIMEOUT", Status::FIXED_TIMEOUT.0),
    ("EXPECTED", Status::EXPECTED.0),
    ("OFFLOAD", 1 << 14),
    ("HW_OFFLOAD", 1 << 15),
];
const EVENTS: &[(&str, u32)] = &[
    ("ALL", event::NEW | event::UPDATE | event::DESTROY),
    ("NEW", event::NEW),
    ("UPDATES", event::UPDATE),
    ("DESTROY", event::DESTROY),
];
const OUTPUTS: &[(&str, u32)] = &[
    ("xml", Output::XML.0),
    ("extended", Output::EXTENDED.0),
    ("timestamp", Output::TIMESTAMP.0),
    ("id", Output::ID.0),
    ("ktimestamp", Output::KTIMESTAMP.0),
    ("labels", Output::LABELS.0),
    ("userspace", 0),
    ("save", Output::SAVE.0),
];

/// What a command is told.
#[derive(Clone, Debug, Default)]
pub(super) struct Args {
    pub(super) command: Option<Command>,
    pub(super) table: Table,
    pub(super) options: Opts,
    pub(super) family: Option<AddressFamily>,
    pub(super) template: Template,
    pub(super) proto: Option<&'static Proto>,
    /// The protocol's number, if one is named.
    pub(super) number: IpProto,
    pub(super) events: u32,
    pub(super) output: Output,
    pub(super) buffer_size: usize,
    /// Options of the protocol that were given.
    given: u32,
    /// What is said on standard error while the words are read.
    pub(super) warnings: String,
}

/// Reads the words; what is to be said on standard error on the way stands in `args.warnings` in any case.
pub(super) fn parse(args: &mut Args, argv: &[String]) -> Result<()> {
    let mut scanner = Scanner::new(argv);
    while let Some(Scanned { key, argument }) = scanner.next(args.proto)? {
        match key {
            Key::Letter(letter) => args.letter(letter, argument, &mut scanner)?,
            Key::Proto(place) => args.field(place, argument.unwrap_or_default())?,
        }
    }
    args.check()
}

impl Args {
    fn letter(
        &mut self,
        letter: char,
        argument: Option<&str>,
        scanner: &mut Scanner<'_>,
    ) -> Result<()> {
        let text = argument.unwrap_or_default();
        match letter {
            'L' | 'I' | 'D' | 'G' | 'F' | 'E' | 'V' | 'h' | 'C' | 'S' | 'U' | 'A' => {
                self.command(letter, scanner.optional(argument))
            }
            's' | 'd' | 'r' | 'q' | '{' | '}' | '[' | ']' => self.addr(letter, text),
            'p' => self.protocol(text),
            't' => {
                self.options.add(Opt::Timeout);
                // What does not fit is cut off.
                self.template.timeout = Some(low_word(text, 10));
                Ok(())
            }
            'u' => self.status(text),
            'e' => {
                self.options.add(Opt::EventMask);
                self.parameters(text, EVENTS).map(|events| self.events |= events)
            }
            'o' => self.output(text),
            'z' => {
                self.options.add(Opt::Zero);
                Ok(())
            }
            'n' | 'g' | 'j' => self.nat(letter, scanner.optional(argument)),
            'w' | '(' | ')' => self.zone(letter, text),
            'i' => {
                self.options.add(Opt::Id);
                self.template.id = Some(low_word(text, 0));
                Ok(())
            }
            'c' => {
                self.options.add(Opt::SecMark);
                Ok(())
            }
            'm' => self.mark(text),
            'l' | '<' | '>' => self.label(letter, text, scanner.optional(argument)),
            'a' => {
                self.warnings += "WARNING: ignoring -a, deprecated option.\n";
                Ok(())
            }
            'f' => self.set_family_option(text),
            'b' => {
                self.options.add(Opt::BufferSize);
                self.buffer_size = usize::try_from(atoi(text)).unwrap_or_default();
                Ok(())
            }
            other => words(format!("unknown option `-{other}'")),
        }
    }

    fn command(&mut self, letter: char, table: Option<&str>) -> Result<()> {
        let table = match table {
            None => Table::Conntrack,
            Some(table) if "expect".starts_with(table) => Table::Expect,
            Some(table) if "conntrack".starts_with(table) => Table::Conntrack,
            Some(table) if "dying".starts_with(table) || "unconfirmed".starts_with(table) => {
                Table::Passing
            }
            Some(table) => return words(format!("unknown type `{table}'")),
        };
        if table == Table::Passing && letter != 'L' {
            return words("Can't do that command with tables `dying' and `unconfirmed'");
        }
        let Some(command) = Command::find(letter, table == Table::Expect) else {
            let name = if letter == 'U' { "update" } else { "add" };
            return words(format!("Can't do --{name} on expectations"));
        };
        if self.command.is_some() {
            return words("Invalid commands combination");
        }
        self.table = table;
        self.command = Some(command);
        Ok(())
    }

    fn set_family(&mut self, family: AddressFamily) -> Result<()> {
        if self.family.is_some_and(|other| other != family) {
            return words("mismatched address family");
        }
        self.family = Some(family);
        Ok(())
    }

    fn set_family_option(&mut self, text: &str) -> Result<()> {
        self.options.add(Opt::Family);
        if text.starts_with("ipv4") {
            self.set_family(AddressFamily::Inet)
        } else if text.starts_with("ipv6") {
            self.set_family(AddressFamily::Inet6)
        } else {
            words(format!("`{text}' unsupported protocol"))
        }
    }

    /// Reads an address, and how long its network's prefix is (`nfct_parse_addr_from_opt()`).
    fn read_addr(&mut self, text: &str, option: &str, masks: bool) -> Result<(IpAddr, Option<u8>)> {
        let (text, prefix) = match text.split_once('/') {
            Some((addr, prefix)) => (addr, Some(prefix)),
            None => (text, None),
        };
        let Some(addr) = read_addr(text) else {
            return words(format!("Invalid IP address `{text}'"));
        };
        self.set_family(AddressFamily::of(addr))?;
        let Some(prefix) = prefix else { return Ok((addr, None)) };
        if !masks {
            return words(format!("CIDR notation unavailable for `--{option}'"));
        }
        let bits: u8 = if addr.is_ipv4() { 32 } else { 128 };
        // Nothing is a prefix of no bits.
        let length = if prefix.is_empty() { Some(0) } else { prefix.parse().ok() };
        match length.filter(|length| *length <= bits) {
            Some(length) => Ok((addr, Some(length).filter(|length| *length != bits))),
            None => words("Invalid netmask"),
        }
    }

    fn addr(&mut self, letter: char, text: &str) -> Result<()> {
        let (name, option, masks) = match letter {
            's' => ("orig-src", Opt::OrigSrc, true),
            'd' => ("orig-dst", Opt::OrigDst, true),
            'r' => ("reply-src", Opt::ReplSrc, false),
            'q' => ("reply-dst", Opt::ReplDst, false),
            '{' => ("mask-src", Opt::MaskSrc, false),
            '}' => ("mask-dst", Opt::MaskDst, false),
            '[' => ("tuple-src", Opt::ExpSrc, true),
            _ => ("tuple-dst", Opt::ExpDst, true),
        };
        let (addr, prefix) = self.read_addr(text, name, masks)?;
        self.options.add(option);
        let family = Some(AddressFamily::of(addr));
        let [original, reply] = &mut self.template.halves;
        match letter {
            's' => (original.src, original.family) = (Some(addr), family),
            'd' => (original.dst, original.family) = (Some(addr), family),
            'r' => (reply.src, reply.family) = (Some(addr), family),
            'q' => (reply.dst, reply.family) = (Some(addr), family),
            '{' => self.template.masks[0] = Some(addr),
            '}' => self.template.masks[1] = Some(addr),
            // Expectations are not modelled.
            _ => {}
        }
        if let Some(length) = prefix {
            let (mask, place) =
                if matches!(letter, 's' | '[') { (Opt::MaskSrc, 0) } else { (Opt::MaskDst, 1) };
            self.options.add(mask);
            self.template.masks[place] = Some(netmask(addr, length));
        }
        Ok(())
    }

    fn protocol(&mut self, name: &str) -> Result<()> {
        self.options.add(Opt::Proto);
        let known = PROTOS.iter().find(|proto| proto.name.eq_ignore_ascii_case(name));
        let number = match known {
            Some(proto) => Some(proto.number),
            None => {
                let other = NOT_MODELLED.iter().find(|(n, _)| n.eq_ignore_ascii_case(name));
                let number = other.map(|(_, number)| *number);
                number.or_else(|| protocols::number(name).map(IpProto)).or_else(|| proto_num(name))
            }
        };
        let Some(number) = number else {
            return words(format!("`{name}' unsupported protocol"));
        };
        if let Some((name, _)) = NOT_MODELLED.iter().find(|(_, not)| *not == number) {
            return Err(Trouble::NotModelled(format!("`-p {name}`")));
        }
        // A name of /etc/protocols that is none of the tool's own has no options.
        let by_number = proto_num(name).is_some();
        self.proto =
            known.or_else(|| PROTOS.iter().find(|proto| by_number && proto.number == number));
        self.number = number;
        self.template.halves[0].proto = Some(number);
        Ok(())
    }

    /// Reads names that are separated by commas; beginnings are enough, and case does not matter
    /// (`parse_parameter()`).
    fn parameters(&mut self, text: &str, names: &[(&str, u32)]) -> Result<u32> {
        let mut value = 0;
        let mut rest = text;
        loop {
            let (word, after) = match rest.split_once(',') {
                Some((word, after)) => (word, Some(after)),
                None => (rest, None),
            };
            let Some(bits) = self.parameter(word, names).filter(|_| !word.is_empty()) else {
                return words(format!("Bad parameter `{rest}'"));
            };
            value |= bits;
            match after {
                Some(after) => rest = after,
                None => return Ok(value),
            }
        }
    }

    fn parameter(&mut self, word: &str, names: &[(&str, u32)]) -> Option<u32> {
        let begins = |name: &str| {
            name.get(..word.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(word))
        };
        for (nat, option) in [("SRC_NAT", "--src-nat"), ("DST_NAT", "--dst-nat")] {
            if begins(nat) && !word.is_empty() {
                write(
                    &mut self.warnings,
                    format_args!("WARNING: ignoring {nat}, use {option} instead\n"),
                );
                return Some(0);
            }
        }
        names.iter().find(|(name, _)| begins(name)).map(|(_, bits)| *bits)
    }

    /// Reads a status: what is set, and behind `!` what is not (`parse_parameter_mask()`).
    fn status(&mut self, text: &str) -> Result<()> {
        self.options.add(Opt::Status);
        let (mut set, mut mask) = (0, self.template.kernel_status.map_or(0, |status| status.mask));
        let mut rest = text;
        loop {
            let (word, after) = match rest.split_once(',') {
                Some((word, after)) => (word, Some(after)),
                None => (rest, None),
            };
            let (negated, name) = match word.strip_prefix('!') {
                Some(name) => (true, name),
                None => (false, word),
            };
            if !negated && name.starts_with("UNREPLIED") {
                mask |= Status::SEEN_REPLY.0;
            } else {
                let bits = self.parameter(name, STATUS).filter(|_| !name.is_empty());
                let Some(bits) = bits else {
                    let from = if negated { rest.get(1..).unwrap_or_default() } else { rest };
                    return words(format!("Bad parameter `{from}'"));
                };
                *(if negated { &mut mask } else { &mut set }) |= bits;
            }
            match after {
                Some(after) => rest = after,
                None => break,
            }
        }
        let set = self.template.status.unwrap_or_default() | set;
        self.template.status = Some(set);
        let mask = if mask == 0 { set } else { mask };
        self.template.kernel_status = Some(Masked { value: set, mask });
        self.template.mark.value = set;
        Ok(())
    }

    fn output(&mut self, text: &str) -> Result<()> {
        self.options.add(Opt::Output);
        let what = self.parameters(text, OUTPUTS)?;
        self.output.0 |= what;
        if self.output.has(Output::LABELS) {
            self.no_label_names();
        }
        if self.output.has(Output::SAVE) && self.output != Output::SAVE {
            return Err(Trouble::Other(
                "cannot combine save output with any other output type, use -o save only".into(),
            ));
        }
        Ok(())
    }

    /// There is no `/etc/xtables/connlabel.conf`.
    fn no_label_names(&mut self) {
        self.warnings += "nfct_labelmap_new: No such file or directory\n";
    }

    fn label(&mut self, letter: char, text: &str, optional: Option<&str>) -> Result<()> {
        self.options.add(match letter {
            'l' => Opt::Label,
            '<' => Opt::AddLabel,
            _ => Opt::DelLabel,
        });
        self.no_label_names();
        if self.options.has(Opt::AddLabel) && self.options.has(Opt::DelLabel) {
            let text = "cannot use --label-add and --label-del at the same time";
            return Err(Trouble::Other(text.into()));
        }
        let names = match (letter, optional) {
            ('>', None) => return Ok(()),
            ('>', Some(names)) => names,
            _ => text,
        };
        let first = names.split(',').next().unwrap_or_default();
        words(format!("unknown label '{first}'"))
    }

    fn zone(&mut self, letter: char, text: &str) -> Result<()> {
        let id = Some(u16::try_from(low_word(text, 0) & 0xffff).unwrap_or_default());
        match letter {
            'w' => {
                self.options.add(Opt::Zone);
                self.template.zone = id;
            }
            '(' => {
                self.options.add(Opt::OrigZone);
                self.template.orig_zone = id;
            }
            _ => {
                self.options.add(Opt::ReplZone);
                self.template.repl_zone = id;
            }
        }
        Ok(())
    }

    fn mark(&mut self, text: &str) -> Result<()> {
        self.options.add(Opt::Mark);
        let (value, rest) = strtoul(text, 0).unwrap_or((0, text));
        let mask = rest.strip_prefix('/').map_or(u32::MAX, |mask| low_word(mask, 0));
        self.template.mark = Masked { value: low(value), mask };
        self.template.kernel_mark = Some(self.template.mark);
        Ok(())
    }

    fn nat(&mut self, letter: char, text: Option<&str>) -> Result<()> {
        let (name, option) = match letter {
            'n' => ("src-nat", Opt::SrcNat),
            'g' => ("dst-nat", Opt::DstNat),
            _ => ("any-nat", Opt::AnyNat),
        };
        self.options.add(option);
        let Some(text) = text else { return Ok(()) };
        let (addr, port) = split_port(text)?;
        let (addr, _) = self.read_addr(addr, name, false)?;
        let template = &mut self.template;
        if option != Opt::AnyNat {
            template.halves[0].family = Some(AddressFamily::of(addr));
        }
        for nat in [
            (option != Opt::DstNat).then_some(&mut template.src_nat),
            (option != Opt::SrcNat).then_some(&mut template.dst_nat),
        ] {
            let Some(nat) = nat else { continue };
            nat.addr = Some(addr);
            nat.port = port.or(nat.port);
        }
        Ok(())
    }

    /// Takes an option of the protocol.
    fn field(&mut self, place: usize, text: &str) -> Result<()> {
        let Some(proto) = self.proto else { return Ok(()) };
        let Some((_, field)) = proto.fields.get(place) else { return Ok(()) };
        self.given |= 1 << place;
        let id = if proto.number == IpProto::GRE {
            Some(low16(low_word(text, 0)))
        } else {
            Some(low16(atoi(text).cast_unsigned()))
        };
        let byte = || Some(atoi(text).to_le_bytes()[0]);
        let template = &mut self.template;
        let [original, reply] = &mut template.halves;
        match field {
            Field::OrigSrc => original.src_id = id,
            Field::OrigDst => original.dst_id = id,
            Field::ReplSrc => (reply.src_id, reply.proto) = (id, Some(proto.number)),
            Field::ReplDst => (reply.dst_id, reply.proto) = (id, Some(proto.number)),
            Field::OrigVtag => template.vtag[0] = Some(atoi(text).cast_unsigned()),
            Field::ReplVtag => template.vtag[1] = Some(atoi(text).cast_unsigned()),
            Field::IcmpType => template.icmp_type = byte(),
            Field::IcmpCode => template.icmp_code = byte(),
            Field::IcmpId => template.icmp_id = id,
            Field::State => return self.state(proto, text),
            Field::Expectation => {}
        }
        if proto.number == IpProto::ICMP && reply.family.is_some() {
            reply.proto = Some(IpProto::ICMP);
        }
        Ok(())
    }

    fn state(&mut self, proto: &Proto, text: &str) -> Result<()> {
        use crate::netfilter::conntrack::proto::{sctp, tcp};
        let number = |names: &[&str]| {
            let at = names.iter().position(|name| *name == text);
            at.and_then(|at| u8::try_from(at).ok())
        };
        if proto.number == IpProto::TCP {
            let names = tcp::State::ALL.map(tcp::State::name);
            let number = if text == "LISTEN" { Some(9) } else { number(&names) };
            self.template.tcp_state = number;
            number.map_or_else(|| words(format!("unknown TCP state `{text}'")), |_| Ok(()))
        } else {
            // The tool's own list ends before HEARTBEAT_SENT.
            let names = sctp::State::ALL.map(sctp::State::name);
            let number = number(names.get(..8).unwrap_or_default());
            self.template.sctp_state = number;
            number.map_or_else(|| words(format!("unknown SCTP state `{text}'")), |_| Ok(()))
        }
    }

    /// Whether the options may stand together.
    fn check(&mut self) -> Result<()> {
        let command = self.command;
        if self.family.is_none() && !command.is_some_and(Command::is_for_all_families) {
            self.family = Some(AddressFamily::Inet);
        }
        let options = self.options;
        if options.has(Opt::AnyNat) && (options.has(Opt::SrcNat) || options.has(Opt::DstNat)) {
            return words("cannot specify `--src-nat' or `--dst-nat' with `--any-nat'");
        }
        let row = command.map_or(NOTHING, Command::row);
        let pairs = ["`--src' and `--dst'", "`--reply-src' and `--reply-dst'"];
        check_row(options.0, row, &Opt::NAMES, pairs)?;
        match (self.proto, command) {
            (_, Some(Command::Help)) => Ok(()),
            (None, _) => {
                self.complete_unknown();
                Ok(())
            }
            (Some(proto), command) => {
                let names: Vec<&str> = proto.fields.iter().map(|(name, _)| *name).collect();
                let none = vec![b'x'; names.len()];
                let row = command.and_then(|command| proto.row(command)).unwrap_or(&none);
                check_row(self.given, row, &names, proto.pairs)
            }
        }
    }

    /// A protocol without options needs none for answers either.
    fn complete_unknown(&mut self) {
        let [original, reply] = &mut self.template.halves;
        if reply.family.is_some() && reply.proto.is_none() {
            reply.proto = original.proto;
        }
    }

    /// The direction that the template's zone counts in, with its number.
    pub(super) fn half(&self, dir: Dir) -> &super::template::Half {
        &self.template.halves[dir.index()]
    }
}

/// Checks which options stand and which don't (`generic_opt_check()`). `pairs` is what has to stand together where
/// the row leaves it to this check: the first two options, or the next two.
fn check_row(given: u32, row: &[u8], names: &[&str], pairs: [&str; 2]) -> Result<()> {
    for (place, (rule, name)) in row.iter().zip(names).enumerate() {
        match (rule, given & 1 << place != 0) {
            (b'!', false) => {
                return words(format!("You need to supply the `--{name}' option for this command"));
            }
            (b'x', true) => {
                return words(format!("Illegal option `--{name}' with this command"));
            }
            _ => {}
        }
    }
    let whole = [0b0011, 0b1100];
    if !row.contains(&b'?') || whole.iter().any(|pair| given & pair == *pair) {
        return Ok(());
    }
    let partial = whole.iter().position(|pair| given & pair != 0).unwrap_or(0);
    words(format!("you have to specify {}", pairs[partial]))
}

/// An address of either family.
fn read_addr(text: &str) -> Option<IpAddr> {
    inet_aton(text).map(IpAddr::V4).or_else(|| text.parse::<Ipv6Addr>().ok().map(IpAddr::V6))
}

/// The mask of a prefix.
fn netmask(addr: IpAddr, length: u8) -> IpAddr {
    match addr {
        IpAddr::V4(_) => {
            let bits = u32::MAX.checked_shl(32 - u32::from(length.min(32))).unwrap_or(0);
            IpAddr::V4(Ipv4Addr::from_bits(bits))
        }
        IpAddr::V6(_) => {
            let bits = u128::MAX.checked_shl(128 - u32::from(length.min(128))).unwrap_or(0);
            IpAddr::V6(Ipv6Addr::from_bits(bits))
        }
    }
}

/// The lower 32 bits.
fn low(value: u64) -> u32 {
    u32::try_from(value & u64::from(u32::MAX)).unwrap_or_default()
}

/// The lower 32 bits of the number that `text` begins with; 0 without one.
fn low_word(text: &str, base: u32) -> u32 {
    strtoul(text, base).map_or(0, |(value, _)| low(value))
}

/// The lower 16 bits.
fn low16(value: u32) -> u16 {
    u16::try_from(value & 0xffff).unwrap_or_default()
}

/// A protocol by its number.
fn proto_num(text: &str) -> Option<IpProto> {
    let (value, rest) = strtoul(text, 0)?;
    u8::try_from(value).ok().filter(|_| rest.is_empty()).map(IpProto)
}

/// Splits an address and a port behind a colon (`split_address_and_port()`).
fn split_port(text: &str) -> Result<(&str, Option<u16>)> {
    let (addr, port) = if let Some((_, inner)) = text.split_once('[') {
        if inner.starts_with(']') {
            return words("No IPv6 address specified");
        }
        let Some((addr, after)) = inner.split_once(']') else {
            return words("No closing ']' around IPv6 address");
        };
        match after.split_once(':') {
            Some((_, port)) => (addr, Some(port)),
            None => (text, None),
        }
    } else {
        match text.split_once(':') {
            Some((addr, port)) if !port.contains(':') => (addr, Some(port)),
            _ => (text, None),
        }
    };
    let Some(port) = port else { return Ok((addr, None)) };
    if port.is_empty() {
        return words("No port specified after `:'");
    }
    match port.parse::<u16>() {
        Ok(number) if port.bytes().all(|byte| byte.is_ascii_digit()) => Ok((addr, Some(number))),
        _ => words(format!("Invalid port `{port}'")),
    }
}
