//! Connections as lines of text (`__snprintf_conntrack_default()`).

use std::fmt::Write as _;

use crate::family::AddressFamily;
use crate::kernel::nfnl::ConntrackChange;
use crate::netfilter::conntrack::entry::Counted;
use crate::netfilter::conntrack::{Dir, Status, Tuple};
use crate::netlink::message::ConntrackMsg;
use crate::netlink::message::conntrack::ProtoInfo;
use crate::packet::IpProto;
use crate::tools::calendar::{MONTHS, WEEKDAYS, moment};
use crate::tools::conntrack::args::Output;
use crate::tools::conntrack::template::zones;
use crate::tools::conntrack::{proto, save, xml};

/// How connections are shown.
#[derive(Clone, Copy, Debug)]
pub(super) struct Show {
    /// What is shown of each.
    pub(super) output: Output,
    /// The time of day, in microseconds of Unix time.
    pub(super) now_us: u64,
}

/// Nanoseconds in a second.
pub(super) const NANOS: u64 = 1_000_000_000;

impl Show {
    /// One connection, without a line feed; `change` is what happened to it, if it is told as an event.
    pub(super) fn line(self, msg: &ConntrackMsg, change: Option<ConntrackChange>) -> String {
        if self.output.has(Output::SAVE) {
            save::line(msg, Some(change.unwrap_or(ConntrackChange::New)))
        } else if self.output.has(Output::XML) {
            xml::flow(msg, change, self)
        } else {
            self.text(msg, change)
        }
    }

    fn text(self, msg: &ConntrackMsg, change: Option<ConntrackChange>) -> String {
        let mut text = String::new();
        if let Some(change) = change {
            text += match change {
                ConntrackChange::New => "    [NEW] ",
                ConntrackChange::Update => " [UPDATE] ",
                ConntrackChange::Destroy => "[DESTROY] ",
            };
        }
        let original = msg.tuple(Dir::Original);
        if self.output.has(Output::EXTENDED) {
            let (number, name) = family(original);
            write(&mut text, format_args!("{name:<8} {number} "));
        }
        let proto = original.proto;
        write(&mut text, format_args!("{:<8} {proto} ", proto::name(proto)));
        if let Some(timeout) = msg.timeout {
            write(&mut text, format_args!("{timeout} "));
        }
        if let Some(state) = state(msg) {
            write(&mut text, format_args!("{state} "));
        }
        let [_, of_original, of_reply] = zones(msg);
        direction(&mut text, msg, Dir::Original, ("orig", of_original));
        if !msg.status.has(Status::SEEN_REPLY) {
            text += "[UNREPLIED] ";
        }
        direction(&mut text, msg, Dir::Reply, ("reply", of_reply));
        if msg.status.has(Status::ASSURED) {
            text += "[ASSURED] ";
        }
        self.rest(&mut text, msg);
        text.truncate(text.trim_end_matches(' ').len());
        text
    }

    fn rest(self, text: &mut String, msg: &ConntrackMsg) {
        if let Some(mark) = msg.mark {
            write(text, format_args!("mark={mark} "));
        }
        let [zone, ..] = zones(msg);
        if zone != 0 {
            write(text, format_args!("zone={zone} "));
        }
        if let Some((start, stop)) = msg.times {
            let end = stop.map_or(self.now_us / 1_000_000, |stop| stop / NANOS);
            write(text, format_args!("delta-time={} ", end.wrapping_sub(start / NANOS)));
            if self.output.has(Output::KTIMESTAMP) {
                write(text, format_args!("[start={}] ", ctime(start)));
                if let Some(stop) = stop {
                    write(text, format_args!("[stop={}] ", ctime(stop)));
                }
            }
        }
        if let Some(helper) = msg.helper {
            write(text, format_args!("helper={helper} "));
        }
        if let Some(users) = msg.users {
            write(text, format_args!("use={users} "));
        }
        if self.output.has(Output::ID) {
            write(text, format_args!("id={} ", msg.number));
        }
    }

    /// The time of day in front of an event.
    pub(super) fn stamp(self) -> String {
        if self.output.has(Output::TIMESTAMP) && !self.output.has(Output::XML) {
            let (seconds, micros) = (self.now_us / 1_000_000, self.now_us % 1_000_000);
            format!("[{seconds:<8}.{micros:06}]\t")
        } else {
            String::new()
        }
    }
}

/// Writes to a string.
pub(super) fn write(text: &mut String, what: std::fmt::Arguments<'_>) {
    text.write_fmt(what).expect("a string takes everything");
}

/// The number and the name of a tuple's address family.
pub(super) fn family(tuple: &Tuple) -> (u8, &'static str) {
    match AddressFamily::of(tuple.src.addr) {
        AddressFamily::Inet => (2, "ipv4"),
        AddressFamily::Inet6 => (10, "ipv6"),
    }
}

/// The name of the protocol's state.
pub(super) fn state(msg: &ConntrackMsg) -> Option<&'static str> {
    msg.proto.map(|proto| match proto {
        ProtoInfo::Tcp(state) => state.name(),
        ProtoInfo::Sctp(state, _) => state.name(),
    })
}

/// What is shown of one direction.
fn direction(text: &mut String, msg: &ConntrackMsg, dir: Dir, (name, zone): (&str, u16)) {
    let tuple = msg.tuple(dir);
    write(text, format_args!("src={} dst={} ", tuple.src.addr, tuple.dst.addr));
    let (src, dst) = (tuple.src.id, tuple.dst.id);
    match tuple.proto {
        IpProto::TCP | IpProto::UDP | IpProto::UDPLITE | IpProto::SCTP | IpProto::DCCP => {
            write(text, format_args!("sport={src} dport={dst} "));
        }
        IpProto::GRE => write(text, format_args!("srckey={src:#x} dstkey={dst:#x} ")),
        IpProto::ICMP | IpProto::ICMPV6 => {
            let (icmp_type, code) = tuple.icmp_type_code();
            write(text, format_args!("type={icmp_type} code={code} id={src} "));
        }
        _ => {}
    }
    if zone != 0 {
        write(text, format_args!("zone-{name}={zone} "));
    }
    if let Some(counted) = msg.counted {
        let Counted { packets, bytes } = counted[dir.index()];
        write(text, format_args!("packets={packets} bytes={bytes} "));
    }
}

/// A moment as `ctime(3)` writes it, in UTC.
fn ctime(nanos: u64) -> String {
    let at = moment(nanos / 1000);
    format!(
        "{} {} {:>2} {:02}:{:02}:{:02} {}",
        WEEKDAYS[at.weekday],
        MONTHS[at.month - 1],
        at.day,
        at.hour,
        at.minute,
        at.second,
        at.year
    )
}
