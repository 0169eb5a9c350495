//! `conntrack`.

use std::net::IpAddr;

use super::{Command, Line, NoCommand};
use crate::netfilter::conntrack::entry::ZoneDir;
use crate::netfilter::conntrack::proto::tcp::{Flags, State};
use crate::netfilter::conntrack::{Dir, Status, Tuple, Zone, proto};
use crate::netlink::request::{ConntrackNat, ConntrackProto, ConntrackSpec};
use crate::packet::IpProto;

/// Makes a connection; the tool asks for its time to live, and for the state of what has states.
pub(super) fn create(spec: &ConntrackSpec) -> Result<Command, NoCommand> {
    let is_whole = match (spec.proto, spec.tuples[0].proto) {
        (Some(ConntrackProto::Tcp { state, .. }), IpProto::TCP) => state.is_some(),
        (Some(ConntrackProto::Sctp { .. }), IpProto::SCTP) => true,
        (proto, number) => proto.is_none() && !matches!(number, IpProto::TCP | IpProto::SCTP),
    };
    if spec.timeout.is_none() || !is_whole {
        return Err(NoCommand("a connection without a time or a state"));
    }
    set("-I", spec)
}

/// Changes a connection; the tool can't say in which zone.
pub(super) fn update(spec: &ConntrackSpec) -> Result<Command, NoCommand> {
    if spec.zone != Zone::default() {
        return Err(NoCommand("a change of a connection in a zone"));
    }
    set("-U", spec)
}

/// Makes or changes a connection.
fn set(verb: &str, spec: &ConntrackSpec) -> Result<Command, NoCommand> {
    let line = Line::of(&["conntrack", verb]).given("-t", spec.timeout);
    let line = line.given("-u", spec.status.map(status).filter(|names| !names.is_empty()));
    let line = line.given("-m", spec.mark);
    let line = zone(line, spec.zone)?;
    let [original, reply] = &spec.tuples;
    let line = addrs(line, original);
    let is_answer = proto::invert(original).as_ref() == Some(reply);
    let line =
        if is_answer { line } else { line.pair("-r", reply.src.addr).pair("-q", reply.dst.addr) };
    let line = ids(line, original, Dir::Original)?;
    let line = if is_answer { line } else { ids(line, reply, Dir::Reply)? };
    let line = nat(nat(line, "-n", spec.src_nat), "-g", spec.dst_nat);
    let line = line.flag("--label-del", spec.clear_labels);
    match spec.proto {
        None => Ok(line.end()),
        Some(ConntrackProto::Tcp { state, flags }) => {
            let mut told = Flags(Flags::SACK_PERM.0 | Flags::BE_LIBERAL.0);
            if state.is_some_and(|state| state >= State::TimeWait) {
                told.set(Flags::CLOSE_INIT);
            }
            if flags != told {
                return Err(NoCommand("marks of TCP"));
            }
            Ok(line.given("--state", state.map(State::name)).end())
        }
        Some(ConntrackProto::Sctp { state, vtag: [original, reply] }) => {
            let line = line.pair("--state", state.name());
            Ok(line.pair("--orig-vtag", original).pair("--reply-vtag", reply).end())
        }
    }
}

/// Ends a connection.
pub(super) fn delete(tuple: &Tuple, of: Zone) -> Result<Command, NoCommand> {
    let line = zone(Line::of(&["conntrack", "-D"]), of)?;
    Ok(ids(addrs(line, tuple), tuple, Dir::Original)?.end())
}

fn addrs(line: Line, tuple: &Tuple) -> Line {
    line.pair("-s", tuple.src.addr).pair("-d", tuple.dst.addr)
}

fn zone(line: Line, zone: Zone) -> Result<Line, NoCommand> {
    Ok(match (zone.id, zone.dir) {
        _ if zone.from_mark => return Err(NoCommand("a zone by mark")),
        (0, None) => line,
        (id, None) => line.pair("-w", id),
        (id, Some(ZoneDir::Original)) => line.pair("--orig-zone", id),
        (id, Some(ZoneDir::Reply)) => line.pair("--reply-zone", id),
    })
}

/// The protocol, and what it tells flows apart by.
fn ids(line: Line, tuple: &Tuple, dir: Dir) -> Result<Line, NoCommand> {
    let original = dir == Dir::Original;
    let number = tuple.proto.0;
    let line = if original { line.pair("-p", number) } else { line };
    Ok(match tuple.proto {
        IpProto::ICMP if original => {
            let (icmp_type, code) = tuple.icmp_type_code();
            let line = line.pair("--icmp-type", icmp_type).pair("--icmp-code", code);
            line.pair("--icmp-id", tuple.src.id)
        }
        IpProto::ICMP => line,
        IpProto::TCP | IpProto::UDP | IpProto::UDPLITE | IpProto::SCTP => {
            let names = if original {
                ["--sport", "--dport"]
            } else {
                ["--reply-port-src", "--reply-port-dst"]
            };
            line.pair(names[0], tuple.src.id).pair(names[1], tuple.dst.id)
        }
        IpProto::GRE => {
            let names = if original {
                ["--srckey", "--dstkey"]
            } else {
                ["--reply-key-src", "--reply-key-dst"]
            };
            line.pair(names[0], tuple.src.id).pair(names[1], tuple.dst.id)
        }
        IpProto::DCCP | IpProto::ICMPV6 => return Err(NoCommand("this protocol")),
        _ => line,
    })
}

fn nat(line: Line, option: &str, nat: Option<ConntrackNat>) -> Line {
    match nat {
        None => line,
        Some(ConntrackNat { addr, port: None }) => line.pair(option, addr),
        Some(ConntrackNat { addr: IpAddr::V6(addr), port: Some(port) }) => {
            line.pair(option, format_args!("[{addr}]:{port}"))
        }
        Some(ConntrackNat { addr, port: Some(port) }) => {
            line.pair(option, format_args!("{addr}:{port}"))
        }
    }
}

/// The names of status bits that can be set.
fn status(status: Status) -> String {
    let names = [
        (Status::ASSURED, "ASSURED"),
        (Status::SEEN_REPLY, "SEEN_REPLY"),
        (Status::FIXED_TIMEOUT, "FIXED_TIMEOUT"),
    ];
    let set = names.into_iter().filter(|(bit, _)| status.has(*bit)).map(|(_, name)| name);
    set.collect::<Vec<_>>().join(",")
}
