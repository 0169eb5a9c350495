//! The bridge's own device: frames of the host (`br_dev_xmit()`) and for it (`br_pass_frame_up()`).

use crate::bridge::forward::{self, Cast};
use crate::bridge::multicast::{self, Reach};
use crate::bridge::{bridge_of, input, port_of, suppress};
use crate::kernel::{Flight, Kernel, Place, SentBy};
use crate::link::receive::counted_len;
use crate::netns::stack::Decision;
use crate::trace::{DropReason, Observer};

/// Sends a frame of the host to the ports. The data starts at the link header.
pub fn transmit<O: Observer>(k: &mut Kernel, f: &mut Flight, o: &mut O) -> Decision<Option<Place>> {
    let Some(bridge) = bridge_of(k, f.dev) else { return Err(DropReason::NotSpecified) };
    k.devs[f.dev].stats.tx.count(f.skb.len());
    input::behind_header(f)?;
    f.sk = SentBy::Nobody;
    let suppressed = suppress::arp(k, f, bridge, None, o);
    let (to, _) = input::addresses(f);
    let now = k.now;
    let cast = Cast::of(to);
    if cast == Cast::Unicast
        && let Some(entry) = k.bridges[bridge].fdb.get_mut(to)
    {
        entry.used = now;
        let port = entry.port;
        return forward::to_port(k, f, bridge, port, None);
    }
    if cast == Cast::Multicast {
        let heard = multicast::receive(k, bridge, None, f, o)?;
        if let Reach::Ports(ports, _) = multicast::reach(k, bridge, f, to, heard) {
            return forward::to_ports(k, f, bridge, &ports, None);
        }
    }
    forward::flood(k, f, bridge, cast, None, suppressed)
}

/// Hands a frame that came in by a port to the bridge's own device.
pub fn pass_up(k: &mut Kernel, f: &mut Flight) {
    let Some((bridge, _)) = port_of(k, f.dev) else { return };
    let dev = k.bridges[bridge].dev;
    // Counted without its link header, which the port's driver has taken off, and without a tag.
    k.devs[dev].stats.rx.count(counted_len(f));
    f.dev = dev;
}
