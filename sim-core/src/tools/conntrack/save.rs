//! Connections as the words that make them (`ct_save_snprintf()`).

use crate::kernel::nfnl::ConntrackChange;
use crate::netfilter::conntrack::{Dir, Status};
use crate::netlink::message::ConntrackMsg;
use crate::netlink::message::conntrack::ProtoInfo;
use crate::packet::IpProto;
use crate::tools::conntrack::print::{state, write};
use crate::tools::conntrack::proto;
use crate::tools::conntrack::template::zones;

/// The status bits that can be written, by number.
const STATUS: [(Status, &str); 4] = [
    (Status::EXPECTED, "EXPECTED"),
    (Status::SEEN_REPLY, "SEEN_REPLY"),
    (Status::ASSURED, "ASSURED"),
    (Status::FIXED_TIMEOUT, "FIXED_TIMEOUT"),
];

/// One connection.
pub(super) fn line(msg: &ConntrackMsg, change: Option<ConntrackChange>) -> String {
    let mut text = String::from(match change {
        None => "",
        Some(ConntrackChange::New) => "-A ",
        Some(ConntrackChange::Update) => "-U ",
        Some(ConntrackChange::Destroy) => "-D ",
    });
    if let Some(timeout) = msg.timeout {
        write(&mut text, format_args!("-t {timeout} "));
    }
    let names: Vec<&str> =
        STATUS.iter().filter(|(bit, _)| msg.status.has(*bit)).map(|(_, name)| *name).collect();
    let status = if names.is_empty() { "UNSET".to_owned() } else { names.join(",") };
    write(&mut text, format_args!("-u {status} "));
    for (option, zone) in ["-w", "--orig-zone", "--reply-zone"].into_iter().zip(zones(msg)) {
        if zone != 0 {
            write(&mut text, format_args!("{option} {zone} "));
        }
    }
    addrs(&mut text, msg);
    protocol(&mut text, msg);
    text.truncate(text.trim_end_matches(' ').len());
    text
}

/// The addresses; those that are translated stand for the translation.
fn addrs(text: &mut String, msg: &ConntrackMsg) {
    let [original, reply] = &msg.tuples;
    let is_snat = msg.status.has(Status::SRC_NAT_DONE) && reply.dst.addr != original.src.addr;
    let is_dnat = msg.status.has(Status::DST_NAT_DONE) && reply.src.addr != original.dst.addr;
    write(text, format_args!("-s {} -d {} ", original.src.addr, original.dst.addr));
    write(text, format_args!("{} {} ", if is_dnat { "-g" } else { "-r" }, reply.src.addr));
    write(text, format_args!("{} {} ", if is_snat { "-n" } else { "-q" }, reply.dst.addr));
}

fn protocol(text: &mut String, msg: &ConntrackMsg) {
    let [original, reply] = &msg.tuples;
    let name = match proto::name(original.proto) {
        "unknown" => original.proto.to_string(),
        name => name.to_owned(),
    };
    write(text, format_args!("-p {name} "));
    let (src, dst) = (original.src.id, original.dst.id);
    let (back, to) = (reply.src.id, reply.dst.id);
    match original.proto {
        IpProto::TCP | IpProto::UDP | IpProto::UDPLITE | IpProto::SCTP => {
            write(text, format_args!("--sport {src} --dport {dst} "));
            write(text, format_args!("--reply-port-src {back} --reply-port-dst {to} "));
        }
        IpProto::GRE => {
            write(text, format_args!("--srckey {src} --dstkey {dst} "));
            write(text, format_args!("--reply-key-src {back} --reply-key-dst {to} "));
        }
        IpProto::ICMP => {
            let (icmp_type, code) = msg.tuple(Dir::Original).icmp_type_code();
            write(text, format_args!("--icmp-type {icmp_type} --icmp-code {code} "));
            write(text, format_args!("--icmp-id {src} "));
        }
        _ => {}
    }
    if let Some(state) = state(msg) {
        write(text, format_args!("--state {state} "));
    }
    if let Some(ProtoInfo::Sctp(_, Some([original, reply]))) = msg.proto {
        write(text, format_args!("--orig-vtag {original} --reply-vtag {reply} "));
    }
}
