//! Received packets (`ip_rcv()`, `ip_rcv_finish()`, `ip_local_deliver()`).

use crate::kernel::{Flight, Kernel};
use crate::netns::stack::Decision;
use crate::trace::{DropReason, Observer};

/// Where the route lookup sends a received packet.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Way {
    /// To this host.
    Local,
    /// To another one.
    Forward,
}

/// Whether a datagram is complete.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Datagram {
    /// It is.
    Whole,
    /// Fragments are missing.
    Waiting,
}

/// Checks the header (`ip_rcv_core()`).
pub fn receive(_: &mut Kernel, _: &mut Flight) -> Decision<()> {
    Ok(())
}

/// Looks up the route and handles options (`ip_rcv_finish()`).
pub fn route<O: Observer>(_: &mut Kernel, _: &mut Flight, _: &mut O) -> Decision<Way> {
    Err(DropReason::IpInNoRoutes)
}

/// Puts fragments together (`ip_local_deliver()`, `ip_defrag()`).
pub fn defragment<O: Observer>(_: &mut Kernel, _: &mut Flight, _: &mut O) -> Decision<Datagram> {
    Ok(Datagram::Whole)
}

/// Hands the packet to its protocol (`ip_local_deliver_finish()`).
pub fn deliver<O: Observer>(_: &mut Kernel, _: &mut Flight, _: &mut O) -> Decision<()> {
    Err(DropReason::IpNoProto)
}
