//! What a protocol brings to the neighbour machine (`struct neigh_table`'s and `struct neigh_ops`'
//! functions): where its table is, how a new entry starts, how a neighbour is asked.

use crate::family::Family;
use crate::id::{DevId, FlowId, NetnsId};
use crate::kernel::{Kernel, Timer};
use crate::link::NetDevice;
use crate::neigh::state::NudState;
use crate::neigh::table::NeighTable;
use crate::netns::Netns;
use crate::packet::MacAddr;
use crate::trace::Observer;

/// What a question to a neighbour depends on.
#[derive(Clone, Copy, Debug)]
pub struct Question<F: Family> {
    /// The device to ask on.
    pub dev: DevId,
    /// The address in question.
    pub target: F::Addr,
    /// The state of its entry.
    pub state: NudState,
    /// The link layer address that is known or was known.
    pub lladdr: MacAddr,
    /// How many questions came before; those for the group count from `ucast_solicit`.
    pub probes: i64,
    /// The source address and the identity of the last packet that waits for the answer.
    pub waiting: Option<(F::Addr, FlowId)>,
}

/// A family whose neighbours are resolved by a protocol.
pub trait Protocol: Family {
    /// Its table.
    fn table(netns: &Netns) -> &NeighTable<Self>;

    /// Its table.
    fn table_mut(netns: &mut Netns) -> &mut NeighTable<Self>;

    /// The address under which the neighbour `addr` is kept: on devices that have only one neighbour
    /// it is the unspecified one.
    fn key(dev: &NetDevice, addr: Self::Addr) -> Self::Addr;

    /// How a new entry starts where nobody needs to be asked; `None` if the neighbour has to be.
    fn construct(k: &Kernel, dev: DevId, addr: Self::Addr) -> Option<(NudState, MacAddr)>;

    /// The source address of the packet, whose network header is given.
    fn source(packet: &[u8]) -> Option<Self::Addr>;

    /// Sends a question.
    fn solicit<O: Observer>(k: &mut Kernel, question: &Question<Self>, o: &mut O);

    /// The timer of an entry.
    fn timer(dev: DevId, addr: Self::Addr) -> Timer;

    /// The timer of the collector of a namespace's table.
    fn gc_timer(netns: NetnsId) -> Timer;
}
