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
    /// The other end; itself while there is none.
    pub peer: DevId,
}

/// The other end, if the device is a veth.
#[must_use]
pub fn peer(k: &Kernel, dev: DevId) -> Option<DevId> {
    if let DevKind::Veth(veth) = k.devs[dev].kind { Some(veth.peer) } else { None }
}

/// Makes the first end of a pair, which has no peer yet (`veth_newlink()`).
///
/// # Errors
///
/// `EEXIST` if the name is taken, `EBUSY` if the number is.
pub fn create_peer<O: Observer>(k: &mut Kernel, new: &NewDev, o: &mut O) -> Result<DevId, Errno> {
    let dev = k.alloc_netdev(new, DevKind::Veth(Veth { peer: unborn() }), alone)?;
    k.register_netdevice(dev, o);
    carrier::set(k, dev, false);
    Ok(dev)
}

/// Makes the second end, with which the pair is one; without it the first does not stay.
///
/// # Errors
///
/// `EEXIST` if the name is taken, `EBUSY` if the number is.
pub fn create<O: Observer>(
    k: &mut Kernel,
    new: &NewDev,
    peer: DevId,
    o: &mut O,
) -> Result<DevId, Errno> {
    let dev = k.alloc_netdev(new, DevKind::Veth(Veth { peer: unborn() }), alone);
    let dev = dev.inspect_err(|_| k.unregister(peer, o))?;
    k.devs[peer].kind = DevKind::Veth(Veth { peer: dev });
    k.devs[dev].kind = DevKind::Veth(Veth { peer });
    k.register_netdevice(dev, o);
    carrier::set(k, dev, false);
    Ok(dev)
}

/// An end that points at itself until the other one is there.
fn alone(device: &mut NetDevice) {
    device.kind = DevKind::Veth(Veth { peer: device.id });
}

/// Takes the two ends apart before they go (`veth_dellink()`).
pub(super) fn sever(k: &mut Kernel, dev: DevId) {
    if let DevKind::Veth(veth) = &mut k.devs[dev].kind {
        veth.peer = dev;
    }
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
