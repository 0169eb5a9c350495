//! Veth pairs (`drivers/net/veth.c`): whatever one end sends, the other receives.

use crate::errno::Errno;
use crate::id::{DevId, Id as _};
use crate::kernel::{Flight, Kernel};
use crate::link::register::NewDev;
use crate::link::{DevKind, NetDevice, carrier, receive};
use crate::netns::stack::Decision;
use crate::trace::{DropReason, Observer};

/// One end of a veth pair.
#[derive(Clone, Copy, Debug)]
pub struct Veth {
    /// The other end.
    pub peer: DevId,
}

/// The other end, if the device is a veth.
#[must_use]
pub fn peer(k: &Kernel, dev: DevId) -> Option<DevId> {
    if let DevKind::Veth(veth) = k.devs[dev].kind { Some(veth.peer) } else { None }
}

/// Makes a pair (`veth_newlink()`): the peer `there` comes first, then `here`, and neither stays if
/// the other cannot be made.
///
/// # Errors
///
/// `EEXIST` if a name is taken, `EBUSY` if a number is.
pub fn create<O: Observer>(
    k: &mut Kernel,
    here: &NewDev,
    there: &NewDev,
    o: &mut O,
) -> Result<(DevId, DevId), Errno> {
    // Either end points at itself until the other one is there.
    let own = |device: &mut NetDevice| device.kind = DevKind::Veth(Veth { peer: device.id });
    let peer = k.alloc_netdev(there, DevKind::Veth(Veth { peer: unborn() }), own)?;
    k.register_netdevice(peer, o);
    carrier::set(k, peer, false);
    let dev = k.alloc_netdev(here, DevKind::Veth(Veth { peer: unborn() }), own);
    let dev = dev.inspect_err(|_| k.unregister(peer, o))?;
    k.devs[peer].kind = DevKind::Veth(Veth { peer: dev });
    k.devs[dev].kind = DevKind::Veth(Veth { peer });
    k.register_netdevice(dev, o);
    carrier::set(k, dev, false);
    Ok((dev, peer))
}

/// Stands in for an end that has no id yet.
fn unborn() -> DevId {
    DevId::from_index(u32::MAX)
}

/// Switches the end on: both ends have carrier once both are up (`veth_open()`).
pub(super) fn open(k: &mut Kernel, dev: DevId, peer: DevId) {
    if k.devs[peer].is_up() {
        carrier::set(k, dev, true);
        carrier::set(k, peer, true);
    }
}

/// Switches the end off: both lose their carrier (`veth_close()`).
pub(super) fn close(k: &mut Kernel, dev: DevId, peer: DevId) {
    carrier::set(k, dev, false);
    carrier::set(k, peer, false);
}

/// Passes the frame to the other end (`veth_xmit()`).
pub(super) fn transmit(k: &mut Kernel, f: &mut Flight, peer: DevId) -> Decision<()> {
    let len = receive::counted_len(f);
    if !k.devs[peer].is_forwardable(len) {
        k.devs[peer].stats.rx.dropped += 1;
        k.devs[f.dev].stats.tx.dropped += 1;
        k.refuse_send(f, Errno::ENOBUFS);
        return Err(DropReason::NotSpecified);
    }
    k.devs[f.dev].stats.tx.count(len);
    let netns = k.devs[peer].netns;
    // A mark stays on a packet within its namespace; the priority never crosses
    // (`skb_scrub_packet()`).
    if netns != f.netns {
        f.skb.meta.mark = 0;
    }
    f.skb.meta.priority = 0;
    f.cross(netns, peer);
    receive::eth_type_trans(&mut k.devs[peer], f);
    Ok(())
}
