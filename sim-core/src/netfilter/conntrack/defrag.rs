//! Putting fragments together before connections are tracked (`nf_defrag_ipv4.c`).

use crate::ip::reassembly::{self, Datagram, User};
use crate::kernel::{Flight, Kernel};
use crate::netfilter::Hook;
use crate::netfilter::conntrack::CtRef;
use crate::packet::Ipv4;

/// Takes a fragment, if the packet is one and was not seen before (`ipv4_conntrack_defrag()`). What cannot be put
/// together is gone without a word, as the fragments that wait.
pub fn gather(k: &mut Kernel, f: &mut Flight, hook: Hook) -> Datagram {
    let zone = match f.ct {
        CtRef::Tracked(..) | CtRef::Untracked => return Datagram::Whole,
        CtRef::Template(template) => template.zone.id,
        CtRef::None => 0,
    };
    let is_fragment = Ipv4::parse(f.skb.network_header()).is_ok_and(|ip| ip.is_fragment());
    if !is_fragment {
        return Datagram::Whole;
    }
    let user = match (hook, f.bridged) {
        (Hook::PreRouting, Some(_)) => User::ConntrackBridgeIn(zone),
        (Hook::PreRouting, None) => User::ConntrackIn(zone),
        _ => User::ConntrackOut(zone),
    };
    match reassembly::defragment(k, f, user) {
        Ok(Datagram::Whole) => {
            f.cb.ignore_df = true;
            Datagram::Whole
        }
        Ok(Datagram::Waiting) | Err(_) => Datagram::Waiting,
    }
}
