//! `bridge fdb show` and `get`.

use crate::bridge;
use crate::errno::Errno;
use crate::id::{DevId, IfIndex};
use crate::libc::number;
use crate::link::DevKind;
use crate::netlink::NetlinkError;
use crate::netlink::message::FdbMsg;
use crate::netlink::message::fdb::{self, FdbAge};
use crate::packet::MacAddr;
use crate::tools::argv::{Args, Keyword, abbr, abbreviates, full, keyword};
use crate::tools::bridge::fdb_args::{mac, vni};
use crate::tools::bridge::usage;
use crate::tools::failure::{Failure, Result};
use crate::tools::ip::link::print::Links;
use crate::tools::ip::options::Options;
use crate::tools::printer::{Paint, Printer};
use crate::tools::session::{Host as _, Session};

/// The bits of `NUD_*` that states stand for.
const REACHABLE: u32 = 0x02;
const STALE: u32 = 0x04;
const NOARP: u32 = 0x40;
const PERMANENT: u32 = 0x80;

/// States by name (`state_a2n()`).
const STATES: &[Keyword<u32>] = &[
    abbr("permanent", PERMANENT),
    abbr("static", NOARP),
    abbr("temp", NOARP),
    abbr("stale", STALE),
    abbr("reachable", REACHABLE),
    abbr("dynamic", REACHABLE),
    full("all", !0),
];

fn bits(state: FdbAge) -> u32 {
    match state {
        FdbAge::Permanent => PERMANENT,
        FdbAge::Static => NOARP,
        FdbAge::Stale => STALE,
        FdbAge::Reachable => REACHABLE,
    }
}

#[derive(Clone, Copy)]
enum Word {
    Dev,
    Br,
    Vlan,
    State,
    Dynamic,
}

const WORDS: &[Keyword<Word>] = &[
    full("brport", Word::Dev),
    full("dev", Word::Dev),
    full("br", Word::Br),
    full("vlan", Word::Vlan),
    full("state", Word::State),
    full("dynamic", Word::Dynamic),
];

/// Lists entries (`fdb_show()`).
pub(crate) fn show(
    session: &mut Session<'_>,
    options: &Options,
    args: &mut Args<'_>,
) -> Result<()> {
    let (mut dev, mut br, mut vlan, mut states, mut dynamic) = (None, None, 0, 0, false);
    while let Some(text) = args.next() {
        match keyword(WORDS, text) {
            Some(Word::Dev) => dev = Some(args.value()?),
            Some(Word::Br) => br = Some(args.value()?),
            Some(Word::Vlan) => {
                let text = args.value()?;
                if vlan != 0 {
                    return Err(Failure::duplicate("vlan", text));
                }
                vlan = number::atoi(text);
            }
            Some(Word::State) => {
                let text = args.value()?;
                let state = keyword(STATES, text).or_else(|| number::u32(text));
                states |= state.ok_or_else(|| Failure::invalid("invalid state", text))?;
            }
            Some(Word::Dynamic) => dynamic = true,
            None if abbreviates(text, "help") => return Err(usage::fdb()),
            // Other words are passed over.
            None => {}
        }
    }
    let br = br.map(|name| device(session, name).ok_or_else(|| no_bridge(name))).transpose()?;
    let missing = |name| Failure::returns(255, Failure::no_device(name).stderr);
    let dev = dev.map(|name| device(session, name).ok_or_else(|| missing(name))).transpose()?;
    let index = dev.map(|dev| session.world.kernel.devs[dev].ifindex);
    let mut messages = fdb::dump(&session.world.kernel, session.netns);
    messages.retain(|msg| {
        // No entry belongs to a VLAN.
        vlan == 0
            && index.is_none_or(|index| index == msg.index)
            && br.is_none_or(|br| belongs_to(session, msg.index, br))
            && (states == 0 || states & bits(msg.state) != 0)
            && !(dynamic && msg.state == FdbAge::Permanent)
    });
    let mut p = Printer::list(options);
    for msg in &messages {
        print(&mut p, msg, &session.host(), options, index.is_none());
    }
    session.stdout += &p.finish_list();
    Ok(())
}

fn device(session: &Session<'_>, name: &str) -> Option<DevId> {
    session.host().device(name).and_then(|link| session.dev(link))
}

fn no_bridge(name: &str) -> Failure {
    Failure::returns(255, format!("Cannot find bridge device \"{name}\"\n"))
}

/// Whether the device with this number is the bridge `br` or a port of it.
fn belongs_to(session: &Session<'_>, index: IfIndex, br: DevId) -> bool {
    let kernel = &session.world.kernel;
    let dev = kernel.dev_by_index(session.netns, index);
    dev.is_some_and(|dev| dev == br || kernel.devs[dev].master == Some(br))
}

#[derive(Clone, Copy)]
enum GetWord {
    Dev,
    Br,
    Vni,
    Own,
    Master,
    Vlan,
    Dynamic,
    To,
}

const GET_WORDS: &[Keyword<GetWord>] = &[
    full("brport", GetWord::Dev),
    full("dev", GetWord::Dev),
    full("br", GetWord::Br),
    full("vni", GetWord::Vni),
    full("self", GetWord::Own),
    abbr("master", GetWord::Master),
    abbr("vlan", GetWord::Vlan),
    abbr("dynamic", GetWord::Dynamic),
    full("to", GetWord::To),
];

/// What `bridge fdb get` asks for.
#[derive(Default)]
struct Query<'a> {
    addr: Option<&'a str>,
    dev: Option<&'a str>,
    br: Option<&'a str>,
    own: bool,
    master: bool,
    dynamic: bool,
}

/// Shows one entry (`fdb_get()`).
pub(crate) fn get(session: &mut Session<'_>, options: &Options, args: &mut Args<'_>) -> Result<()> {
    let query = read_query(args)?;
    let Some(text) = query.addr.filter(|_| query.dev.is_some() || query.br.is_some()) else {
        let text = "Device or master and address are required arguments.\n";
        return Err(Failure::returns(255, text));
    };
    let addr = mac(text).map_err(|failure| Failure::returns(255, failure.stderr))?;
    let missing = |name| Failure::returns(255, Failure::no_device(name).stderr);
    let dev = query.dev.map(|name| device(session, name).ok_or_else(|| missing(name)));
    let dev = dev.transpose()?;
    let br = query.br.map(|name| device(session, name).ok_or_else(|| no_bridge(name)));
    let br = br.transpose()?;
    let msg = find(session, &query, addr, dev, br).map_err(|error| Failure::kernel(254, &error))?;
    let mut p = Printer::list(options);
    if !(query.dynamic && msg.state == FdbAge::Permanent) {
        print(&mut p, &msg, &session.host(), options, true);
    }
    session.stdout += &p.finish_list();
    Ok(())
}

fn read_query<'a>(args: &mut Args<'a>) -> Result<Query<'a>> {
    let mut query = Query::default();
    while let Some(text) = args.next() {
        let word = keyword(GET_WORDS, text);
        match word {
            Some(GetWord::Dev) => query.dev = Some(args.value()?),
            Some(GetWord::Br) => query.br = Some(args.value()?),
            Some(GetWord::Own) => query.own = true,
            Some(GetWord::Master) => query.master = true,
            Some(GetWord::Dynamic) => query.dynamic = true,
            Some(GetWord::Vni) => {
                vni(args.value()?)?;
                return Err(Failure::not_modelled("bridge fdb get's \"vni\""));
            }
            Some(GetWord::Vlan) => return Err(Failure::not_modelled("bridge fdb get's \"vlan\"")),
            Some(GetWord::To) | None => {
                let text = if word.is_some() { args.value()? } else { text };
                if abbreviates(text, "help") {
                    return Err(usage::fdb());
                }
                if query.addr.is_some() {
                    return Err(Failure::garbage("to", text));
                }
                query.addr = Some(text);
            }
        }
    }
    Ok(query)
}

/// The entry, as the kernel looks for it (`rtnl_fdb_get()`).
fn find(
    session: &Session<'_>,
    query: &Query<'_>,
    addr: MacAddr,
    dev: Option<DevId>,
    br: Option<DevId>,
) -> std::result::Result<FdbMsg, NetlinkError> {
    let refuse = |errno, text: &str| NetlinkError::with_message(errno, text);
    let kernel = &session.world.kernel;
    let missing = || refuse(Errno::ENOENT, "Fdb entry not found");
    let keeper = match (dev, br) {
        (Some(_), Some(_)) => {
            return Err(refuse(Errno::EINVAL, "Master and device are mutually exclusive"));
        }
        (Some(dev), None) if query.own && !query.master => dev,
        (Some(dev), None) => {
            let master = kernel.devs[dev].master.filter(|_| bridge::port_of(kernel, dev).is_some());
            master.ok_or_else(|| refuse(Errno::EINVAL, "Device is not a bridge port"))?
        }
        (None, br) => br.ok_or_else(|| refuse(Errno::EINVAL, "No device specified"))?,
    };
    match &kernel.devs[keeper].kind {
        DevKind::Bridge(id) => {
            let entry = kernel.bridges[*id].fdb.get(addr).ok_or_else(missing)?;
            Ok(FdbMsg::of(kernel, *id, entry))
        }
        DevKind::Vxlan(vxlan) => {
            let entry = vxlan.fdb.get(addr).ok_or_else(missing)?;
            let remote = entry.remotes.first().ok_or_else(missing)?;
            Ok(FdbMsg::of_vxlan(kernel, keeper, vxlan, entry, remote))
        }
        DevKind::Loopback
        | DevKind::Veth(_)
        | DevKind::Ipip(_)
        | DevKind::Macvlan(_)
        | DevKind::Dummy
        | DevKind::Tun(_) => {
            Err(refuse(Errno::EOPNOTSUPP, "Fdb get operation not supported by device"))
        }
    }
}

/// Prints an entry, with its device if that was not asked for (`print_fdb()`).
pub(crate) fn print(
    p: &mut Printer,
    msg: &FdbMsg,
    links: &dyn Links,
    options: &Options,
    with_device: bool,
) {
    p.open_object(None);
    let lladdr = msg.lladdr.to_string();
    p.painted(Paint::Mac, "mac", lladdr.as_str(), format_args!("{lladdr} "));
    if with_device {
        let dev = links.link_name(msg.index);
        p.text("dev ");
        p.painted(Paint::Device, "ifname", dev.as_str(), format_args!("{dev} "));
    }
    if let Some(dst) = msg.dst {
        let dst = dst.to_string();
        p.text("dst ");
        p.painted(Paint::Inet, "dst", dst.as_str(), format_args!("{dst} "));
    }
    if let Some(port) = msg.port {
        p.any("port", port, format_args!("port {port} "));
    }
    if let Some(vni) = msg.vni {
        p.any("vni", vni, format_args!("vni {vni} "));
    }
    if let Some(via) = msg.via {
        let via = links.link_name(via);
        p.any("viaIf", via.as_str(), format_args!("via {via} "));
    }
    if let Some((used, updated)) = msg.ages.filter(|_| options.stats > 0) {
        let (used, updated) = (used.as_secs(), updated.as_secs());
        p.json("used", used);
        p.json("updated", updated);
        p.fmt(format_args!("used {used}/{updated} "));
    }
    p.open_array(Some("flags"));
    for (on, name) in
        [(msg.own, "self"), (msg.extern_learn, "extern_learn"), (msg.sticky, "sticky")]
    {
        if on {
            p.element(name, format_args!("{name} "));
        }
    }
    p.close_array();
    if let Some(master) = msg.master {
        let master = links.link_name(master);
        p.any("master", master.as_str(), format_args!("master {master} "));
    }
    let state = match msg.state {
        FdbAge::Permanent => "permanent",
        FdbAge::Static => "static",
        FdbAge::Stale => "stale",
        FdbAge::Reachable => "",
    };
    p.any("state", state, format_args!("{state}\n"));
    p.close_object();
}
