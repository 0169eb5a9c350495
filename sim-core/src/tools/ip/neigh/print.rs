//! How a neighbour is printed (`print_neigh()`).

use crate::neigh::NudState;
use crate::netlink::message::fdb::FdbAge;
use crate::netlink::message::{FdbMsg, NeighMsg};
use crate::tools::ip::link::print::Links;
use crate::tools::ip::options::Options;
use crate::tools::json::Scalar;
use crate::tools::names;
use crate::tools::printer::{Paint, Printer};

/// Prints a neighbour, with its device if that was not asked for.
pub(crate) fn print(
    p: &mut Printer,
    msg: &NeighMsg,
    links: &dyn Links,
    options: &Options,
    with_device: bool,
) {
    p.open_object(None);
    let dev = msg.index.filter(|_| with_device).map(|index| links.link_name(index));
    if options.brief {
        brief(p, msg, dev.as_deref());
    } else {
        full(p, msg, dev.as_deref(), options);
    }
    p.text("\n");
    p.close_object();
}

fn brief(p: &mut Printer, msg: &NeighMsg, dev: Option<&str>) {
    let dst = msg.dst.to_string();
    p.painted(Paint::Inet, "dst", dst.as_str(), format_args!("{dst:<39} "));
    if let Some(dev) = dev {
        p.painted(Paint::Device, "dev", dev, format_args!("{dev:<16} "));
    }
    if let Some(lladdr) = msg.lladdr {
        let lladdr = lladdr.to_string();
        p.painted(Paint::Mac, "lladdr", lladdr.as_str(), format_args!("{lladdr}"));
    }
}

fn full(p: &mut Printer, msg: &NeighMsg, dev: Option<&str>, options: &Options) {
    let dst = msg.dst.to_string();
    p.painted(Paint::Inet, "dst", dst.as_str(), format_args!("{dst} "));
    if let Some(dev) = dev {
        p.text("dev ");
        p.painted(Paint::Device, "dev", dev, format_args!("{dev} "));
    }
    if let Some(lladdr) = msg.lladdr {
        let lladdr = lladdr.to_string();
        p.text("lladdr ");
        p.painted(Paint::Mac, "lladdr", lladdr.as_str(), format_args!("{lladdr} "));
    }
    for (on, name) in
        [(msg.router, "router"), (msg.proxy, "proxy"), (msg.extern_learn, "extern_learn")]
    {
        if on {
            p.any(name, Scalar::Null, format_args!("{name} "));
        }
    }
    if options.stats > 0 {
        cache(p, msg);
    }
    if let Some(state) = state_name(msg.state) {
        p.open_array(Some("state"));
        p.element(state, format_args!("{state} "));
        p.close_array();
    }
    if msg.protocol != 0 {
        let protocol = names::rt_proto_name(msg.protocol, options.numeric);
        p.any("protocol", &*protocol, format_args!("proto {protocol} "));
    }
}

/// Times and counts; iproute2 has forgotten some blanks here.
fn cache(p: &mut Printer, msg: &NeighMsg) {
    let Some(cache) = msg.cache else { return };
    if cache.refs != 0 {
        p.any("refcnt", cache.refs, format_args!(" ref {}", cache.refs));
    }
    p.any("used", cache.used_s, format_args!(" used {}", cache.used_s));
    p.any("confirmed", cache.confirmed_s, format_args!("/{}", cache.confirmed_s));
    p.any("updated", cache.updated_s, format_args!("/{}", cache.updated_s));
    let probes = u64::try_from(cache.probes).unwrap_or(0);
    p.any("probes", probes, format_args!("probes {probes} "));
}

/// Prints a bridge's entry as `ip monitor` sees it: as a neighbour that has no address.
pub(crate) fn station(p: &mut Printer, msg: &FdbMsg, links: &dyn Links, with_device: bool) {
    if let Some(dst) = msg.dst {
        p.paint(Paint::Inet, format_args!("{dst} "));
    }
    if with_device {
        p.text("dev ");
        p.paint(Paint::Device, format_args!("{} ", links.link_name(msg.index)));
    }
    p.text("lladdr ");
    p.paint(Paint::Mac, format_args!("{} ", msg.lladdr));
    if msg.extern_learn {
        p.text("extern_learn ");
    }
    p.text(match msg.state {
        FdbAge::Permanent if msg.own => "NOARP PERMANENT ",
        FdbAge::Permanent => "PERMANENT ",
        FdbAge::Static => "NOARP ",
        FdbAge::Stale => "STALE ",
        FdbAge::Reachable => "REACHABLE ",
    });
    p.text("\n");
}

/// The name of a state, unless it is none.
fn state_name(state: NudState) -> Option<&'static str> {
    Some(match state {
        NudState::None => return None,
        NudState::Incomplete => "INCOMPLETE",
        NudState::Reachable => "REACHABLE",
        NudState::Stale => "STALE",
        NudState::Delay => "DELAY",
        NudState::Probe => "PROBE",
        NudState::Failed => "FAILED",
        NudState::Noarp => "NOARP",
        NudState::Permanent => "PERMANENT",
    })
}
