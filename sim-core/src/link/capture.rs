//! Captures: what `tcpdump` on a device sees (`dev_queue_xmit_nit()`, `ptype_all`).

use crate::kernel::{Flight, Kernel};
use crate::netns::stack;
use crate::packet::PacketType;
use crate::socket::packet;
use crate::trace::{Direction, Event, Observer};

/// Shows the frame to the observer and to the namespace's packet sockets. This host's own copy of what
/// it sends to a group has no link header, and captures do not see it (`packet_rcv()`).
pub fn tap<O: Observer>(k: &mut Kernel, f: &Flight, direction: Direction, o: &mut O) {
    if f.skb.meta.pkt_type == PacketType::Loopback {
        return;
    }
    stack::emit(k, f, o, |f| Event::Frame {
        direction,
        pkt_type: f.skb.meta.pkt_type,
        frame: f.skb.mac_header(),
    });
    packet::tap(k, f, o);
}
