//! Routing a packet of this host once more, because a table has changed what routing looks at
//! (`ip_route_me_harder()`).

use std::net::Ipv4Addr;

use crate::errno::Errno;
use crate::family::V4;
use crate::kernel::{Flight, Kernel};
use crate::netfilter::run::Refusal;
use crate::packet::Ipv4;
use crate::route::{self, FlowKey, RouteType};
use crate::trace::DropReason;

/// What routing looks at (`ipt_mangle_out()`).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Key {
    src: Ipv4Addr,
    dst: Ipv4Addr,
    tos: u8,
    mark: u32,
}

impl Key {
    /// That of the packet at the network header.
    pub(super) fn of(f: &Flight) -> Option<Self> {
        let ip = Ipv4::parse(f.skb.network_header()).ok()?;
        Some(Self { src: ip.src(), dst: ip.dst(), tos: ip.tos(), mark: f.skb.meta.mark })
    }
}

/// Finds a new way for the packet, which keeps its source address.
pub(super) fn reroute(k: &mut Kernel, f: &mut Flight) -> Result<(), Refusal> {
    let refused = |errno| Refusal { reason: DropReason::NetfilterDrop, errno: Some(errno) };
    let ip = Ipv4::parse(f.skb.network_header()).map_err(|_| refused(Errno::EINVAL))?;
    let is_ours = matches!(
        route::addr_type::addr_type(k, f.netns, ip.src()),
        RouteType::Local | RouteType::Unicast
    );
    let src = if is_ours { ip.src() } else { Ipv4Addr::UNSPECIFIED };
    let oif =
        f.sk.program().and_then(|id| k.sockets.get(id)).and_then(|socket| socket.opts.bound_dev);
    let flow = FlowKey::<V4> {
        oif,
        mark: f.skb.meta.mark,
        tos: ip.tos(),
        any_src: is_ours,
        ..FlowKey::between(src, ip.dst())
    };
    let way = route::output(k, f.netns, &flow).map_err(refused)?;
    f.dst = Some(way.dst);
    Ok(())
}
