//! Connections as XML (`__snprintf_conntrack_xml()`).

use crate::kernel::nfnl::ConntrackChange;
use crate::netfilter::conntrack::entry::Counted;
use crate::netfilter::conntrack::{Dir, Status};
use crate::netlink::message::ConntrackMsg;
use crate::packet::IpProto;
use crate::tools::calendar::moment;
use crate::tools::conntrack::args::Output;
use crate::tools::conntrack::print::{NANOS, Show, family, state, write};
use crate::tools::conntrack::proto;
use crate::tools::conntrack::template::{sctp_state, tcp_state_of, zones};

/// What stands before the first connection.
pub(super) const HEADER: &str = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<conntrack>\n";
/// What stands behind the last one.
pub(super) const FOOTER: &str = "</conntrack>\n";

/// One connection.
pub(super) fn flow(msg: &ConntrackMsg, change: Option<ConntrackChange>, show: Show) -> String {
    let mut text = String::from(match change {
        None => "<flow>",
        Some(ConntrackChange::New) => "<flow type=\"new\">",
        Some(ConntrackChange::Update) => "<flow type=\"update\">",
        Some(ConntrackChange::Destroy) => "<flow type=\"destroy\">",
    });
    let [_, of_original, of_reply] = zones(msg);
    direction(&mut text, msg, Dir::Original, ("original", of_original));
    direction(&mut text, msg, Dir::Reply, ("reply", of_reply));
    text += "<meta direction=\"independent\">";
    independent(&mut text, msg);
    times(&mut text, msg, show);
    text += "</meta>";
    // The time of day is asked for by the same option that shows it in front of a line of text.
    if change.is_some() && show.output.has(Output::TIMESTAMP) {
        when(&mut text, show.now_us);
    }
    if let Some(helper) = msg.helper {
        write(&mut text, format_args!("<helper>{helper}</helper>"));
    }
    text + "</flow>"
}

fn direction(text: &mut String, msg: &ConntrackMsg, dir: Dir, (name, zone): (&str, u16)) {
    let tuple = msg.tuple(dir);
    let (number, family) = family(tuple);
    write(text, format_args!("<meta direction=\"{name}\">"));
    write(text, format_args!("<layer3 protonum=\"{number}\" protoname=\"{family}\">"));
    write(
        text,
        format_args!("<src>{}</src><dst>{}</dst></layer3>", tuple.src.addr, tuple.dst.addr),
    );
    let proto = tuple.proto;
    let name = proto::name(proto);
    write(text, format_args!("<layer4 protonum=\"{proto}\" protoname=\"{name}\">"));
    let (src, dst) = (tuple.src.id, tuple.dst.id);
    match proto {
        IpProto::TCP | IpProto::UDP | IpProto::UDPLITE | IpProto::SCTP | IpProto::DCCP => {
            write(text, format_args!("<sport>{src}</sport><dport>{dst}</dport>"));
        }
        IpProto::GRE => {
            write(text, format_args!("<srckey>{src:#x}</srckey><dstkey>{dst:#x}</dstkey>"));
        }
        _ => {}
    }
    *text += "</layer4>";
    if zone != 0 {
        write(text, format_args!("<zone>{zone}</zone>"));
    }
    if let Some(counted) = msg.counted {
        let Counted { packets, bytes } = counted[dir.index()];
        write(text, format_args!("<counters><packets>{packets}</packets>"));
        write(text, format_args!("<bytes>{bytes}</bytes></counters>"));
    }
    *text += "</meta>";
}

fn independent(text: &mut String, msg: &ConntrackMsg) {
    // States of SCTP are given the names that TCP's have.
    let name = match sctp_state(msg) {
        Some(number) => tcp_state_of(number).map(|state| state.name()),
        None => state(msg),
    };
    if let Some(name) = name {
        write(text, format_args!("<state>{name}</state>"));
    }
    let [zone, ..] = zones(msg);
    let fields = [
        ("timeout", msg.timeout),
        ("mark", msg.mark.map(u64::from)),
        ("zone", Some(u64::from(zone)).filter(|zone| *zone != 0)),
        ("use", msg.users.map(u64::from)),
        ("id", Some(u64::from(msg.number))),
    ];
    for (name, value) in fields {
        if let Some(value) = value {
            write(text, format_args!("<{name}>{value}</{name}>"));
        }
    }
    if msg.status.has(Status::ASSURED) {
        *text += "<assured/>";
    }
    if !msg.status.has(Status::SEEN_REPLY) {
        *text += "<unreplied/>";
    }
}

fn times(text: &mut String, msg: &ConntrackMsg, show: Show) {
    let Some((start, stop)) = msg.times else { return };
    if show.output.has(Output::KTIMESTAMP) {
        write(text, format_args!("<timestamp><start>{start}</start>"));
        if let Some(stop) = stop {
            write(text, format_args!("<stop>{stop}</stop>"));
        }
        *text += "</timestamp>";
    }
    let passed = match stop {
        Some(stop) => stop.wrapping_sub(start) / NANOS,
        None => (show.now_us / 1_000_000).wrapping_sub(start / NANOS),
    };
    write(text, format_args!("<deltatime>{passed}</deltatime>"));
}

/// The time of day, in UTC; days of the week count from 1, a Sunday.
fn when(text: &mut String, now_us: u64) {
    let at = moment(now_us);
    write(text, format_args!("<when><hour>{}</hour><min>{:02}</min>", at.hour, at.minute));
    write(text, format_args!("<sec>{:02}</sec><wday>{}</wday>", at.second, at.weekday + 1));
    write(text, format_args!("<day>{}</day><month>{}</month>", at.day, at.month));
    write(text, format_args!("<year>{}</year></when>", at.year));
}
