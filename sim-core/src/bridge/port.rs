//! Bridge ports.

use crate::bridge::multicast::McastPort;
use crate::id::{DevId, PortNo};
use crate::time::SimTime;

/// The largest number of ports of a bridge, plus one (`BR_MAX_PORTS`).
pub const BR_MAX_PORTS: u16 = 1024;

/// A port (`struct net_bridge_port`).
#[derive(Clone, Debug)]
pub struct Port {
    /// The device.
    pub dev: DevId,
    /// Its number in the bridge.
    pub no: PortNo,
    /// What frames it passes.
    pub state: PortState,
    /// Its priority, the upper 6 bits of its id.
    pub priority: u16,
    /// What a path by this port costs.
    pub cost: u32,
    /// When STP would let it forward, which it does at once without; only shown
    /// (`forward_delay_timer`).
    pub forward_delay_end: Option<SimTime>,
    /// What can be switched on and off.
    pub flags: PortFlags,
    /// Which link-local groups it forwards, beside those of the bridge.
    pub group_fwd_mask: u16,
    /// What is known about routers behind it.
    pub mcast: McastPort,
}

impl Port {
    /// A port for `dev` that is not yet in use (`new_nbp()`).
    #[must_use]
    pub fn new(dev: DevId, no: PortNo, cost: u32) -> Self {
        Self {
            dev,
            no,
            state: PortState::Disabled,
            priority: 0x8000 >> 10,
            cost,
            forward_delay_end: None,
            flags: PortFlags::default(),
            group_fwd_mask: 0,
            mcast: McastPort::default(),
        }
    }

    /// Whether stations can be behind it now.
    #[must_use]
    pub const fn learns(&self) -> bool {
        matches!(self.state, PortState::Learning | PortState::Forwarding)
    }
}

/// What can be switched on and off at a port (`BR_*`).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "independent switches, as in the kernel")]
pub struct PortFlags {
    /// Frames may leave by the port they came in by (`BR_HAIRPIN_MODE`).
    pub hairpin: bool,
    /// Stations behind it are learned (`BR_LEARNING`).
    pub learning: bool,
    /// It gets unicast frames for unknown stations (`BR_FLOOD`).
    pub flood: bool,
    /// It gets multicast frames (`BR_MCAST_FLOOD`).
    pub mcast_flood: bool,
    /// It gets broadcast frames (`BR_BCAST_FLOOD`).
    pub bcast_flood: bool,
    /// It exchanges no frames with other isolated ports (`BR_ISOLATED`).
    pub isolated: bool,
    /// Only stations that are in the database already may send (`BR_PORT_LOCKED`).
    pub locked: bool,
    /// The bridge answers ARP requests in the name of everybody, and asks the port for nothing
    /// (`BR_PROXYARP`).
    pub proxy_arp: bool,
    /// The port is not asked for neighbours that the bridge knows (`BR_NEIGH_SUPPRESS`).
    pub neigh_suppress: bool,
    /// STP messages switch it off (`BR_BPDU_GUARD`); without STP it has no effect.
    pub guard: bool,
    /// It never becomes the root port (`BR_ROOT_BLOCK`); without STP it has no effect.
    pub root_block: bool,
    /// The last member's leave ends a group at once (`BR_MULTICAST_FAST_LEAVE`).
    pub fastleave: bool,
}

impl Default for PortFlags {
    fn default() -> Self {
        Self {
            hairpin: false,
            learning: true,
            flood: true,
            mcast_flood: true,
            bcast_flood: true,
            isolated: false,
            locked: false,
            proxy_arp: false,
            neigh_suppress: false,
            guard: false,
            root_block: false,
            fastleave: false,
        }
    }
}

/// What frames a port passes (`BR_STATE_*`).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[repr(u8)]
pub enum PortState {
    /// None.
    Disabled = 0,
    /// None yet.
    Listening = 1,
    /// None yet, but stations are learned.
    Learning = 2,
    /// All.
    Forwarding = 3,
    /// None.
    Blocking = 4,
}

impl PortState {
    /// The state with the number `number`.
    #[must_use]
    pub const fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            0 => Self::Disabled,
            1 => Self::Listening,
            2 => Self::Learning,
            3 => Self::Forwarding,
            4 => Self::Blocking,
            _ => return None,
        })
    }
}

/// The ports of a bridge, by number and by age.
#[derive(Clone, Debug, Default)]
pub struct Ports {
    slots: Vec<Option<Port>>,
    /// The numbers, newest port first: the order in which the kernel goes through them.
    order: Vec<PortNo>,
}

impl Ports {
    /// The lowest free number (`find_portno()`); `None` if the bridge is full.
    #[must_use]
    pub fn free_no(&self) -> Option<PortNo> {
        let index = self.slots.iter().position(Option::is_none).unwrap_or(self.slots.len());
        let no = u16::try_from(index + 1).ok()?;
        (no < BR_MAX_PORTS).then_some(PortNo(no))
    }

    /// Adds a port, which comes before all others.
    pub fn insert(&mut self, port: Port) {
        let index = usize::from(port.no.0).saturating_sub(1);
        self.order.insert(0, port.no);
        if self.slots.len() <= index {
            self.slots.resize(index + 1, None);
        }
        self.slots[index] = Some(port);
    }

    /// Takes a port away.
    pub fn remove(&mut self, no: PortNo) -> Option<Port> {
        self.order.retain(|n| *n != no);
        self.slots.get_mut(usize::from(no.0).checked_sub(1)?)?.take()
    }

    /// The port with this number.
    #[must_use]
    pub fn get(&self, no: PortNo) -> Option<&Port> {
        self.slots.get(usize::from(no.0).checked_sub(1)?)?.as_ref()
    }

    /// The port with this number.
    #[must_use]
    pub fn get_mut(&mut self, no: PortNo) -> Option<&mut Port> {
        self.slots.get_mut(usize::from(no.0).checked_sub(1)?)?.as_mut()
    }

    /// How many ports there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// The `n`th port, the newest being the 0th.
    #[must_use]
    pub fn nth(&self, n: usize) -> Option<&Port> {
        self.get(*self.order.get(n)?)
    }

    /// All ports, the newest first.
    pub fn iter(&self) -> impl Iterator<Item = &Port> {
        self.order.iter().filter_map(|no| self.get(*no))
    }
}
