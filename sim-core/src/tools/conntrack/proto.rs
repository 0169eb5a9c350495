//! The protocols that `conntrack` knows, and the options of each (`libct_proto_*.c`).

use crate::packet::IpProto;
use crate::tools::conntrack::options::Command;

/// What an option of a protocol tells.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Field {
    OrigSrc,
    OrigDst,
    ReplSrc,
    ReplDst,
    /// Of an expectation, or of a mask: nothing that is modelled.
    Expectation,
    State,
    OrigVtag,
    ReplVtag,
    IcmpType,
    IcmpCode,
    IcmpId,
}

/// A protocol.
#[derive(Debug)]
pub(super) struct Proto {
    /// Its name.
    pub(super) name: &'static str,
    /// Its number.
    pub(super) number: IpProto,
    /// Its options that are spelled out, each with its place in `fields`.
    pub(super) long: &'static [(&'static str, usize)],
    /// Its options in the order in which they are checked: what each is called in messages, and what it tells.
    pub(super) fields: &'static [(&'static str, Field)],
    /// How commands take its options.
    rows: Rows,
    /// What to ask for if an original or a reply tuple is not whole.
    pub(super) pairs: [&'static str; 2],
    /// Its help.
    pub(super) help: &'static str,
}

/// What is said if ports are missing.
const PORTS: [&str; 2] = ["`--sport' and `--dport'", "`--reply-src-port' and `--reply-dst-port'"];

const PORT_FIELDS: &[(&str, Field)] = &[
    ("sport", Field::OrigSrc),
    ("dport", Field::OrigDst),
    ("reply-port-src", Field::ReplSrc),
    ("reply-port-dst", Field::ReplDst),
    ("mask-port-src", Field::Expectation),
    ("mask-port-dst", Field::Expectation),
    ("tuple-port-src", Field::Expectation),
    ("tuple-port-dst", Field::Expectation),
];

const STATE_FIELDS: &[(&str, Field)] = &[
    PORT_FIELDS[0],
    PORT_FIELDS[1],
    PORT_FIELDS[2],
    PORT_FIELDS[3],
    PORT_FIELDS[4],
    PORT_FIELDS[5],
    ("state", Field::State),
    PORT_FIELDS[6],
    PORT_FIELDS[7],
    ("orig-vtag", Field::OrigVtag),
    ("reply-vtag", Field::ReplVtag),
];

/// The options of TCP and SCTP, of which TCP has no tags.
const STATE_LONG: &[(&str, usize)] = &[
    ("orig-port-src", 0),
    ("sport", 0),
    ("orig-port-dst", 1),
    ("dport", 1),
    ("reply-port-src", 2),
    ("reply-port-dst", 3),
    ("mask-port-src", 4),
    ("mask-port-dst", 5),
    ("state", 6),
    ("tuple-port-src", 7),
    ("tuple-port-dst", 8),
    ("orig-vtag", 9),
    ("reply-vtag", 10),
];

const PORT_LONG: &[(&str, usize)] = &[
    STATE_LONG[0],
    STATE_LONG[1],
    STATE_LONG[2],
    STATE_LONG[3],
    STATE_LONG[4],
    STATE_LONG[5],
    STATE_LONG[6],
    STATE_LONG[7],
    ("tuple-port-src", 6),
    ("tuple-port-dst", 7),
];

const KEY_LONG: &[(&str, usize)] = &[
    ("orig-key-src", 0),
    ("srckey", 0),
    ("orig-key-dst", 1),
    ("dstkey", 1),
    ("reply-key-src", 2),
    ("reply-key-dst", 3),
    ("mask-key-src", 4),
    ("mask-key-dst", 5),
    ("tuple-key-src", 6),
    ("tuple-key-dst", 7),
];

const KEY_FIELDS: &[(&str, Field)] = &[
    ("srckey", Field::OrigSrc),
    ("dstkey", Field::OrigDst),
    ("reply-key-src", Field::ReplSrc),
    ("reply-key-dst", Field::ReplDst),
    ("mask-key-src", Field::Expectation),
    ("mask-key-dst", Field::Expectation),
    ("tuple-key-src", Field::Expectation),
    ("tuple-key-dst", Field::Expectation),
];

/// How groups of commands take the options of a protocol, as [`Command::row`].
type Rows = &'static [(&'static [Command], &'static [u8])];

/// The commands that choose among connections.
const CHOOSING: &[Command] = &[Command::List, Command::Update, Command::Delete, Command::Event];
/// The commands that make connections.
const MAKING: &[Command] = &[Command::Create, Command::Add];
/// The commands that name an expectation.
const NAMING: &[Command] = &[Command::ExpDelete, Command::ExpGet];

const PORT_ROWS: Rows = &[
    (CHOOSING, b"....xxxx"),
    (MAKING, b"????xxxx"),
    (&[Command::Get], b"????xxxx"),
    (&[Command::ExpCreate], b"!!xx!!!!"),
    (NAMING, b"!!!!xxxx"),
];

const KEY_ROWS: Rows =
    &[PORT_ROWS[0], PORT_ROWS[1], PORT_ROWS[2], (&[Command::ExpCreate], b"!!!!!!!!"), PORT_ROWS[4]];

const TCP_ROWS: Rows = &[
    (CHOOSING, b"....xx.xx"),
    (MAKING, b"????xx!xx"),
    (&[Command::Get], b"????xx.xx"),
    (&[Command::ExpCreate], b"!!xx!!x!!"),
    (NAMING, b"!!!!xxxxx"),
];

const SCTP_ROWS: Rows = &[
    (&[Command::Update], b"....xx.xx.."),
    (CHOOSING, b"....xx.xxxx"),
    (MAKING, b"????xx!xx!!"),
    (&[Command::Get], b"????xx.xx.."),
    (&[Command::ExpCreate], b"!!xx!!x!!!!"),
    (NAMING, b"!!!!xxxxxxx"),
];

const ICMP_ROWS: Rows = &[(CHOOSING, b"..."), (MAKING, b"!!."), (&[Command::Get], b"!!.")];

impl Proto {
    /// How a command takes the protocol's options; `None` if it takes none.
    pub(super) fn row(&self, command: Command) -> Option<&'static [u8]> {
        self.rows.iter().find(|(commands, _)| commands.contains(&command)).map(|(_, row)| *row)
    }
}

/// The help on ports.
macro_rules! port_help {
    ($($more:literal)*) => {
        concat!(
            "  --orig-port-src\t\toriginal source port\n",
            "  --orig-port-dst\t\toriginal destination port\n",
            "  --reply-port-src\t\treply source port\n",
            "  --reply-port-dst\t\treply destination port\n",
            "  --mask-port-src\t\tmask source port\n",
            "  --mask-port-dst\t\tmask destination port\n",
            "  --tuple-port-src\t\texpectation tuple src port\n",
            "  --tuple-port-src\t\texpectation tuple dst port\n",
            $($more,)*
        )
    };
}

/// The protocols that have options.
pub(super) static PROTOS: [Proto; 6] = [
    Proto {
        name: "tcp",
        number: IpProto::TCP,
        long: STATE_LONG.split_at(11).0,
        fields: STATE_FIELDS.split_at(9).0,
        rows: TCP_ROWS,
        pairs: PORTS,
        help: port_help!("  --state\t\t\tTCP state, fe. ESTABLISHED\n"),
    },
    Proto {
        name: "udp",
        number: IpProto::UDP,
        long: PORT_LONG,
        fields: PORT_FIELDS,
        rows: PORT_ROWS,
        pairs: PORTS,
        help: port_help!(),
    },
    Proto {
        name: "udplite",
        number: IpProto::UDPLITE,
        long: PORT_LONG,
        fields: PORT_FIELDS,
        rows: PORT_ROWS,
        pairs: PORTS,
        help: port_help!(),
    },
    Proto {
        name: "sctp",
        number: IpProto::SCTP,
        long: STATE_LONG,
        fields: STATE_FIELDS,
        rows: SCTP_ROWS,
        pairs: PORTS,
        help: port_help!(
            "  --state\t\t\tSCTP state, fe. ESTABLISHED\n"
            "  --orig-vtag\t\toriginal verification tag\n"
            "  --reply-vtag\t\treply verification tag\n"
        ),
    },
    Proto {
        name: "icmp",
        number: IpProto::ICMP,
        long: &[("icmp-type", 0), ("icmp-code", 1), ("icmp-id", 2)],
        fields: &[
            ("icmp-type", Field::IcmpType),
            ("icmp-code", Field::IcmpCode),
            ("icmp-id", Field::IcmpId),
        ],
        rows: ICMP_ROWS,
        pairs: PORTS,
        help: "  --icmp-type\t\t\ticmp type\n  --icmp-code\t\t\ticmp code\n  --icmp-id\t\t\ticmp id\n",
    },
    Proto {
        name: "gre",
        number: IpProto::GRE,
        long: KEY_LONG,
        fields: KEY_FIELDS,
        rows: KEY_ROWS,
        pairs: ["`--srckey' and `--dstkey'", "`--reply-src-key' and `--reply-dst-key'"],
        help: "  --orig-key-src\t\toriginal source key\n  --orig-key-dst\t\toriginal destination key\n  --reply-key-src\t\treply source key\n  --reply-key-dst\t\treply destination key\n  --mask-key-src\t\tmask source key\n  --mask-key-dst\t\tmask destination key\n  --tuple-key-src\t\texpectation tuple src key\n  --tuple-key-src\t\texpectation tuple dst key\n",
    },
];

/// The protocols that `conntrack` has options for, and kubewire has not.
pub(super) const NOT_MODELLED: [(&str, IpProto); 2] =
    [("dccp", IpProto::DCCP), ("icmpv6", IpProto::ICMPV6)];

/// What a protocol is called in listings.
pub(super) const fn name(proto: IpProto) -> &'static str {
    match proto {
        IpProto::TCP => "tcp",
        IpProto::UDP => "udp",
        IpProto::UDPLITE => "udplite",
        IpProto::ICMP => "icmp",
        IpProto::ICMPV6 => "icmpv6",
        IpProto::SCTP => "sctp",
        IpProto::GRE => "gre",
        IpProto::DCCP => "dccp",
        _ => "unknown",
    }
}
