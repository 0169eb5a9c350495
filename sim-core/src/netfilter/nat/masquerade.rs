//! What masquerading has beyond other translation: it holds as long as the address it took
//! (`nf_nat_masquerade.c`).

use std::net::IpAddr;

use crate::id::DevId;
use crate::kernel::{Flight, Kernel};
use crate::netfilter::conntrack::{CtId, CtInfo, Dir, garbage};
use crate::netfilter::{Hook, HookState};

/// Whether the packet's flow was masqueraded with the address of another device than it leaves by now
/// (`nf_nat_oif_changed()`).
pub(super) fn has_moved(k: &Kernel, f: &Flight, id: CtId, info: CtInfo, state: HookState) -> bool {
    let conns = &k.netns[f.netns].nf.conntrack.conns;
    let taken = conns.get(id).and_then(|conn| conn.masquerade);
    state.hook == Hook::PostRouting
        && info.dir() == Dir::Original
        && taken.is_some()
        && taken != state.oif
}

/// Ends the flows that took an address of `dev`, which is down (`masq_device_event()`).
pub fn device_down(k: &mut Kernel, dev: DevId) {
    end(k, dev, |_| true);
}

/// Ends the flows that took an address of `dev` which it has no longer (`masq_inet_event()`).
pub fn addr_removed(k: &mut Kernel, dev: DevId) {
    let Some(device) = k.devs.get(dev) else { return };
    let left: Vec<IpAddr> = device.inet.addrs.iter().map(|addr| addr.peer.into()).collect();
    end(k, dev, |taken| !left.contains(&taken));
}

fn end(k: &mut Kernel, dev: DevId, is_meant: impl Fn(IpAddr) -> bool) {
    let Some(netns) = k.devs.get(dev).map(|dev| dev.netns) else { return };
    garbage::kill_where(k, netns, |conn| {
        conn.masquerade == Some(dev) && is_meant(conn.tuple(Dir::Reply).dst.addr)
    });
}
