//! Packets that time ran out for: their next hop does not answer, or their other fragments did not come.

use crate::id::NetnsId;
use crate::ip::flow;
use crate::ip::icmp;
use crate::ip::reassembly::Expired;
use crate::kernel::{Flight, Kernel, Place};
use crate::netns::stack;
use crate::packet::IcmpType;
use crate::packet::build::IcmpParams;
use crate::packet::icmp::{time_exceeded, unreach};
use crate::route;
use crate::trace::{DropReason, Event, Observer};

/// Tells the sender that fragments are missing (`ip_expire()`), if the first one came and there is a way
/// for it here.
pub fn reassembly_timeout<O: Observer>(
    k: &mut Kernel,
    netns: NetnsId,
    expired: Expired,
    o: &mut O,
) {
    let Some(skb) = expired.first else { return };
    let flow = k.new_flow();
    let mut head = Flight::new(skb, Place::LocalDeliver, netns, expired.dev, flow);
    head.iif = Some(expired.dev);
    if k.devs.get(expired.dev).is_some()
        && let Some(key) = flow::of(&head.skb, expired.dev)
        && let Ok(way) = route::input(k, netns, &key)
    {
        head.dst = Some(way.dst);
        if way.dst.local || !expired.in_passing {
            let late = IcmpParams::error(IcmpType::TIME_EXCEEDED, time_exceeded::REASSEMBLY, 0);
            icmp::send(k, &head, late, o);
        }
    }
    stack::emit(k, &head, o, |_| Event::Dropped { reason: DropReason::FragReasmTimeout });
    k.pool.give(head.skb);
}

/// Tells the sender, which may be this host itself, that the destination is unreachable.
pub fn link_failure<O: Observer>(k: &mut Kernel, f: &Flight, o: &mut O) -> DropReason {
    icmp::send(k, f, IcmpParams::error(IcmpType::DEST_UNREACH, unreach::HOST, 0), o);
    DropReason::NeighFailed
}
