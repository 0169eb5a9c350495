//! Putting fragments together before connections are tracked (`nf_defrag_ipv4.c`).

use crate::ip::reassembly::{self, Datagram, User};
use crate::kernel::{Flight, Kernel};
use crate::netfilter::Hook;
use crate::netfilter::conntrack::CtRef;
use crate::netns::stack::Decision;
use crate::packet::Ipv4;

/// Takes a fragment, if the packet is one and was not seen before (`ipv4_conntrack_defrag()`).
///
/// # Errors
/// Why the fragment, or the whole datagram, is dropped. Its sender does not hear of it.
pub fn gather(k: &mut Kernel, f: &mut Flight, hook: Hook) -> Decision<Datagram> {
    let zone = match f.ct {
        CtRef::Tracked(..) | CtRef::Untracked => return Ok(Datagram::Whole),
        CtRef::Template(template) => template.zone.id,
        CtRef::None | CtRef::Answer => 0,
    };
    let is_fragment = Ipv4::parse(f.skb.network_header()).is_ok_and(|ip| ip.is_fragment());
    if !is_fragment {
        return Ok(Datagram::Whole);
    }
    let user = match (hook, f.bridged) {
        (Hook::PreRouting, Some(_)) => User::ConntrackBridgeIn(zone),
        (Hook::PreRouting, None) => User::ConntrackIn(zone),
        _ => User::ConntrackOut(zone),
    };
    let datagram = reassembly::defragment(k, f, user)?;
    if datagram == Datagram::Whole {
        f.cb.ignore_df = true;
    }
    Ok(datagram)
}
