//! Macvlan devices (`drivers/net/macvlan.c`): further addresses on one device, each a device.
//!
//! The kernel hands broadcasts from the wire over in a work item; here they follow at once, after the
//! lower device has had the frame.

use crate::errno::Errno;
use crate::id::DevId;
use crate::kernel::{Flight, Kernel, Place, rtnl};
use crate::link::filter;
use crate::link::register::NewDev;
use crate::link::{DevFlags, DevKind, LinkType, RxHandler, carrier, receive};
use crate::netns::stack::Decision;
use crate::packet::ethernet::ETH_HLEN;
use crate::packet::{EtherType, Ethernet, Ipv4, MacAddr, PacketType};
use crate::trace::{DropReason, Observer};

/// A macvlan device.
#[derive(Clone, Copy, Debug)]
pub struct Macvlan {
    /// The device it stands on.
    pub lower: DevId,
    /// Whom it reaches.
    pub mode: MacvlanMode,
    /// The largest MTU that the lower device could have.
    pub max_mtu: u32,
}

/// How the macvlan devices of one lower device reach each other.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum MacvlanMode {
    /// Directly.
    Bridge,
    /// Not at all.
    Private,
    /// By way of the outside.
    Vepa,
    /// There is only one. Kept to be refused by name.
    Passthru,
    /// Only stations from a list. Kept to be refused by name.
    Source,
}

/// The macvlan devices of a lower device (`struct macvlan_port`).
#[derive(Clone, Debug, Default)]
pub struct MacvlanPort {
    /// All of them, oldest first.
    pub vlans: Vec<DevId>,
    /// Those that are up, in the order of the kernel's hash of their addresses; within a bucket the
    /// newest first.
    up: Vec<(u8, MacAddr, DevId)>,
}

/// The bucket of an address (`macvlan_eth_hash()`).
fn bucket(addr: MacAddr) -> u8 {
    const GOLDEN_RATIO_64: u64 = 0x61c8_8646_80b5_83eb;
    let [a, b, c, d, e, f] = addr.octets();
    let value = u64::from_le_bytes([0, 0, a, b, c, d, e, f]);
    let [.., top] = value.wrapping_mul(GOLDEN_RATIO_64).to_le_bytes();
    top
}

impl MacvlanPort {
    /// The device with this address, if it is up (`macvlan_hash_lookup()`).
    fn find(&self, addr: MacAddr) -> Option<DevId> {
        let bucket = bucket(addr);
        let first = self.up.partition_point(|(b, ..)| *b < bucket);
        let same = self.up[first..].iter().take_while(|(b, ..)| *b == bucket);
        same.into_iter().find(|(_, a, _)| *a == addr).map(|(.., dev)| *dev)
    }

    fn insert(&mut self, addr: MacAddr, dev: DevId) {
        let bucket = bucket(addr);
        let at = self.up.partition_point(|(b, ..)| *b < bucket);
        self.up.insert(at, (bucket, addr, dev));
    }

    fn remove(&mut self, dev: DevId) {
        self.up.retain(|(.., d)| *d != dev);
    }
}

/// The macvlan part of a device.
fn macvlan_of(k: &Kernel, dev: DevId) -> Option<Macvlan> {
    if let DevKind::Macvlan(macvlan) = k.devs[dev].kind { Some(macvlan) } else { None }
}

/// The device that a macvlan on `dev` really stands on: a macvlan's own lower device.
#[must_use]
pub fn real_lower(k: &Kernel, dev: DevId) -> DevId {
    macvlan_of(k, dev).map_or(dev, |macvlan| macvlan.lower)
}

/// Makes a macvlan device on `lower` (`macvlan_common_newlink()`).
///
/// # Errors
///
/// `EINVAL` on devices that are no Ethernet, or for an MTU above the lower device's; `EBUSY` on a
/// bridge port; `EEXIST` if the name is taken.
pub fn create<O: Observer>(
    k: &mut Kernel,
    new: &NewDev,
    lower: DevId,
    mode: MacvlanMode,
    mtu: Option<u32>,
    o: &mut O,
) -> Result<DevId, Errno> {
    let lower = real_lower(k, lower);
    let under = &k.devs[lower];
    if mtu.is_some_and(|mtu| mtu > under.mtu) {
        return Err(Errno::EINVAL);
    }
    if under.macvlans.is_none() && under.rx_handler != RxHandler::None {
        return Err(Errno::EBUSY);
    }
    if under.link_type() != LinkType::Ether {
        return Err(Errno::EINVAL);
    }
    let (mtu, carrier) = (mtu.unwrap_or(under.mtu), under.carrier);
    let kind = DevKind::Macvlan(Macvlan { lower, mode, max_mtu: under.mtu_limits().1 });
    let dev = k.alloc_netdev(new, kind, |device| device.mtu = mtu)?;
    let under = &mut k.devs[lower];
    under.rx_handler = RxHandler::Macvlan;
    under.macvlans.get_or_insert_default().vlans.push(dev);
    k.register_netdevice(dev, o);
    // The lower device has an upper one now.
    rtnl::link(k, lower);
    carrier::set(k, dev, carrier);
    carrier::fire(k, dev);
    Ok(dev)
}

/// Forgets a macvlan device that goes.
pub(super) fn release(k: &mut Kernel, dev: DevId) {
    let Some(Macvlan { lower, .. }) = macvlan_of(k, dev) else { return };
    let Some(under) = k.devs.get_mut(lower) else { return };
    let Some(port) = &mut under.macvlans else { return };
    port.vlans.retain(|d| *d != dev);
    if port.vlans.is_empty() {
        under.macvlans = None;
        under.rx_handler = RxHandler::None;
    }
}

/// Whether the address is in use on the lower device (`macvlan_addr_busy()`).
#[must_use]
pub fn addr_busy(k: &Kernel, lower: DevId, addr: MacAddr) -> bool {
    let under = &k.devs[lower];
    under.addr == addr || under.macvlans.as_ref().is_some_and(|port| port.find(addr).is_some())
}

/// Switches a macvlan device on: its address joins the lower device's (`macvlan_open()`).
pub(super) fn open(k: &mut Kernel, dev: DevId) {
    let Some(Macvlan { lower, .. }) = macvlan_of(k, dev) else { return };
    let (addr, flags) = (k.devs[dev].addr, k.devs[dev].flags);
    filter::uc_add(k, lower, addr);
    propagate(k, lower, flags, true);
    if let Some(port) = &mut k.devs[lower].macvlans {
        port.insert(addr, dev);
    }
}

/// Switches a macvlan device off (`macvlan_stop()`).
pub(super) fn close(k: &mut Kernel, dev: DevId) {
    let Some(Macvlan { lower, .. }) = macvlan_of(k, dev) else { return };
    let (addr, flags) = (k.devs[dev].addr, k.devs[dev].flags);
    let held = filter::uc_del(k, lower, addr);
    debug_assert!(held.is_ok(), "open() has added it");
    propagate(k, lower, flags, false);
    if let Some(port) = &mut k.devs[lower].macvlans {
        port.remove(dev);
    }
}

/// Lets the lower device want what the macvlan device wants.
fn propagate(k: &mut Kernel, lower: DevId, flags: DevFlags, on: bool) {
    if flags.contains(DevFlags::ALLMULTI) {
        filter::set_allmulti(k, lower, on);
    }
    if flags.contains(DevFlags::PROMISC) {
        filter::set_promiscuity(k, lower, on);
    }
}

/// Follows a change of what a device wants to receive (`macvlan_change_rx_flags()`).
pub(super) fn rx_flags_changed(k: &mut Kernel, dev: DevId, flag: DevFlags, on: bool) {
    if let Some(Macvlan { lower, .. }) = macvlan_of(k, dev)
        && k.devs[dev].is_up()
    {
        propagate(k, lower, flag, on);
    }
}

/// Gives an open macvlan device another address (`macvlan_sync_address()`).
pub(super) fn change_address(k: &mut Kernel, dev: DevId, addr: MacAddr) {
    let up = k.devs[dev].is_up();
    if up {
        close(k, dev);
    }
    k.devs[dev].addr = addr;
    if up {
        open(k, dev);
    }
}

/// Follows the lower device's state: its macvlan devices have carrier when it has
/// (`netif_stacked_transfer_operstate()`).
pub(super) fn lower_changed(k: &mut Kernel, lower: DevId) {
    let Some(port) = &k.devs[lower].macvlans else { return };
    let on = k.devs[lower].carrier;
    for dev in port.vlans.clone() {
        carrier::set(k, dev, on);
    }
}

/// Whether a received frame has to be put together with others first: group frames reach macvlan devices
/// as whole datagrams (`ip_check_defrag()`).
pub(super) fn wants_whole(f: &Flight) -> bool {
    let packet = f.skb.network_header();
    f.skb.meta.pkt_type != PacketType::Loopback
        && f.skb.meta.protocol == EtherType::IPV4
        && Ethernet::parse(f.skb.mac_header()).is_ok_and(|eth| eth.dst().is_multicast())
        && Ipv4::parse(packet).is_ok_and(|ip| {
            ip.is_fragment() && (ip.header_len()..=packet.len()).contains(&ip.total_len())
        })
}

/// What to do with a frame that a lower device has received.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Takes {
    /// The lower device itself takes it.
    Lower,
    /// A macvlan device takes it, which the flight is on now.
    Upper,
}

/// Finds who takes a frame that a lower device has received (`macvlan_handle_frame()`).
pub(super) fn receive(k: &mut Kernel, f: &mut Flight) -> Takes {
    if f.skb.meta.pkt_type == PacketType::Loopback {
        return Takes::Lower;
    }
    let Ok(eth) = Ethernet::parse(f.skb.mac_header()) else { return Takes::Lower };
    let (to, from) = (eth.dst(), eth.src());
    let Some(port) = &k.devs[f.dev].macvlans else { return Takes::Lower };
    let dev = if to.is_multicast() {
        let sender = port.find(from);
        let mode = sender.and_then(|dev| macvlan_of(k, dev)).map(|macvlan| macvlan.mode);
        let (Some(sender), Some(MacvlanMode::Private)) = (sender, mode) else {
            from_wire(k, f, sender, mode);
            return Takes::Lower;
        };
        // The outside has reflected what a private device sent: only that one gets it.
        sender
    } else {
        let Some(dev) = port.find(to) else { return Takes::Lower };
        dev
    };
    let stats = &mut k.devs[dev].stats;
    stats.rx.count(f.skb.len() + ETH_HLEN);
    f.skb.meta.pkt_type = if to.is_multicast() { to.packet_type(from) } else { PacketType::Host };
    f.dev = dev;
    f.netns = k.devs[dev].netns;
    Takes::Upper
}

/// Hands a group frame from the wire to the macvlan devices (`macvlan_multicast_rx()`). Of one that
/// a bridge mode device has sent, which the outside has reflected, those in bridge mode have had
/// theirs already.
fn from_wire(k: &mut Kernel, f: &Flight, sender: Option<DevId>, mode: Option<MacvlanMode>) {
    let takes = |to: MacvlanMode| match mode {
        None => true,
        Some(MacvlanMode::Vepa) => matches!(to, MacvlanMode::Vepa | MacvlanMode::Bridge),
        Some(_) => to == MacvlanMode::Vepa,
    };
    broadcast(k, f, f.dev, sender, takes, false);
}

/// Gives every macvlan device of `lower` that wants the group frame a copy (`macvlan_broadcast()`).
fn broadcast(
    k: &mut Kernel,
    f: &Flight,
    lower: DevId,
    sender: Option<DevId>,
    takes: impl Fn(MacvlanMode) -> bool,
    local: bool,
) {
    let Ok(eth) = Ethernet::parse(f.skb.mac_header()) else { return };
    let to = eth.dst();
    let mut n = 0;
    while let Some(dev) = k.devs[lower].macvlans.as_ref().and_then(|p| p.up.get(n)).map(|u| u.2) {
        n += 1;
        let Some(macvlan) = macvlan_of(k, dev) else { continue };
        if Some(dev) == sender || !takes(macvlan.mode) || !wants(k, dev, to) {
            continue;
        }
        let skb = k.clone_skb(&f.skb);
        let netns = k.devs[dev].netns;
        let mut copy = Flight::new(skb, Place::DeviceReceive, netns, dev, f.flow);
        if local {
            if !k.devs[dev].is_forwardable(copy.skb.len()) {
                // Counted by the driver and once more by the stack.
                k.devs[dev].stats.rx.dropped += 2;
                k.devs[dev].stats.rx.errors += 1;
                k.pool.give(copy.skb);
                continue;
            }
            receive::read_header(&k.devs[dev], &mut copy);
        } else {
            copy.skb.meta.pkt_type = to.packet_type(k.devs[dev].addr);
        }
        let stats = &mut k.devs[dev].stats;
        // Of a sibling's frame the link header is counted twice.
        stats.rx.count(f.skb.len() + ETH_HLEN);
        stats.multicast += 1;
        k.netif_rx(copy);
    }
}

/// Whether a macvlan device belongs to the group (`macvlan_compute_filter()`).
fn wants(k: &Kernel, dev: DevId, group: MacAddr) -> bool {
    let device = &k.devs[dev];
    group == device.broadcast
        || device.flags.contains(DevFlags::PROMISC)
        || device.flags.contains(DevFlags::ALLMULTI)
        || filter::is_member(device, group)
}

/// Sends a frame: to a sibling if it is for one, else by the lower device (`macvlan_queue_xmit()`).
/// The data starts at the link header.
pub(super) fn transmit(
    k: &mut Kernel,
    f: &mut Flight,
    macvlan: Macvlan,
) -> Decision<Option<Place>> {
    let Ok(eth) = Ethernet::parse(f.skb.data()) else { return Err(DropReason::NotSpecified) };
    let to = eth.dst();
    let (dev, lower) = (f.dev, macvlan.lower);
    k.devs[dev].stats.tx.count(f.skb.len());
    if macvlan.mode == MacvlanMode::Bridge {
        if to.is_multicast() {
            let bridged = |mode| mode == MacvlanMode::Bridge;
            broadcast(k, f, lower, Some(dev), bridged, true);
        } else if sibling(k, lower, to) {
            return to_lower(k, f, lower).map(Some);
        }
    }
    f.dev = lower;
    f.netns = k.devs[lower].netns;
    Ok(Some(Place::Transmit))
}

/// Whether the address is a bridge mode device's.
fn sibling(k: &Kernel, lower: DevId, addr: MacAddr) -> bool {
    let found = k.devs[lower].macvlans.as_ref().and_then(|port| port.find(addr));
    found.and_then(|dev| macvlan_of(k, dev)).is_some_and(|m| m.mode == MacvlanMode::Bridge)
}

/// Lets the lower device receive the frame, from where it goes up to the sibling
/// (`dev_forward_skb()`).
fn to_lower(k: &mut Kernel, f: &mut Flight, lower: DevId) -> Decision<Place> {
    if !k.devs[lower].is_forwardable(f.skb.len()) {
        k.devs[lower].stats.rx.dropped += 1;
        return Err(DropReason::NotSpecified);
    }
    let netns = k.devs[lower].netns;
    if netns != f.netns {
        f.skb.meta.mark = 0;
    }
    f.skb.meta.priority = 0;
    f.cross(netns, lower);
    receive::read_header(&k.devs[lower], f);
    Ok(Place::DeviceReceive)
}
