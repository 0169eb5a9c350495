//! One neighbour entry (`struct neighbour`) and what changes it, apart from any table.
//!
//! All times are jiffies, signed because some lie before the world began.

use std::collections::VecDeque;

use crate::kernel::{Flight, TimerId};
use crate::neigh::params::{HZ, NeighParms, NeighVar};
use crate::neigh::state::NudState;
use crate::packet::MacAddr;

/// A neighbour entry.
#[derive(Clone, Debug)]
pub struct Neigh {
    /// Its state.
    pub state: NudState,
    /// Its link layer address; meaningless while the state is not valid.
    pub lladdr: MacAddr,
    /// It forwards packets (`NTF_ROUTER`).
    pub router: bool,
    /// A control plane put it there (`NTF_EXT_LEARNED`).
    pub extern_learn: bool,
    /// Who put it there (`NDA_PROTOCOL`), 0 if nobody said.
    pub protocol: u8,
    /// How many requests were sent since the state was entered; those for the group count from
    /// `ucast_solicit`.
    pub probes: i64,
    /// When something last changed.
    pub updated: i64,
    /// When the neighbour last gave a sign of life.
    pub confirmed: i64,
    /// When a packet last asked for it.
    pub used: i64,
    /// Whether the link header has been made once: then packets no longer touch `used`.
    pub(super) cached: bool,
    pub(super) timer: Option<TimerId>,
    pub(super) queue: VecDeque<Flight>,
    /// The memory that the queued packets take, in bytes.
    pub(super) queue_bytes: i64,
}

/// What a change of the entry asks for.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[must_use]
pub(super) struct Effects {
    /// What becomes of the timer.
    pub(super) timer: SetTimer,
    /// The address is known now: the queued packets go out.
    pub(super) send_queue: bool,
    /// There is no address: the queued packets are given up.
    pub(super) fail_queue: bool,
    /// A request is due.
    pub(super) probe: bool,
    /// Whoever listens is told (`neigh_update_notify()`).
    pub(super) notify: bool,
}

/// What becomes of an entry's timer.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum SetTimer {
    /// It stays as it is.
    #[default]
    Keep,
    /// It is taken away.
    Stop,
    /// It is set to this jiffy, whatever it was before.
    At(i64),
}

/// A change of an entry (the arguments of `neigh_update()`).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Update {
    /// The state it is to be in.
    pub state: NudState,
    /// The address, if one is given.
    pub lladdr: Option<MacAddr>,
    /// Another address than the known one is taken (`NEIGH_UPDATE_F_OVERRIDE`).
    pub override_addr: bool,
    /// It is a request of the administrator (`NEIGH_UPDATE_F_ADMIN`).
    pub admin: bool,
}

/// Why an update is refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum UpdateRefused {
    /// The entry is fixed and the update not the administrator's.
    Fixed,
    /// No address is known and none was given.
    NoAddress,
}

impl Neigh {
    /// A new entry on a device with these settings (`neigh_alloc()`).
    #[must_use]
    pub fn new(now: i64, parms: &NeighParms) -> Self {
        Self {
            state: NudState::None,
            lladdr: MacAddr::ZERO,
            router: false,
            extern_learn: false,
            protocol: 0,
            probes: 0,
            updated: now,
            confirmed: now - parms.get(NeighVar::BaseReachableTime) * 2,
            used: now,
            cached: false,
            timer: None,
            queue: VecDeque::new(),
            queue_bytes: 0,
        }
    }

    /// Whether something will happen to it at a later time.
    #[must_use]
    pub fn has_timer(&self) -> bool {
        self.timer.is_some()
    }

    /// How many packets wait for the address.
    #[must_use]
    pub fn queue_len(&self) -> usize {
        self.queue.len()
    }

    /// Notes that a packet wants to use the entry, and tells whether it can (`neigh_event_send()`).
    pub(super) fn use_for_output(
        &mut self,
        now: i64,
        parms: &NeighParms,
    ) -> Result<Effects, Unusable> {
        self.used = now;
        match self.state {
            NudState::Permanent
            | NudState::Noarp
            | NudState::Reachable
            | NudState::Delay
            | NudState::Probe => Ok(Effects::default()),
            NudState::Stale => {
                self.state = NudState::Delay;
                self.updated = now;
                let timer = SetTimer::At(now + parms.get(NeighVar::DelayProbeTime));
                Ok(Effects { timer, ..Effects::default() })
            }
            NudState::Incomplete => Err(Unusable::Waiting(Effects::default())),
            NudState::None | NudState::Failed => self.start_resolution(now, parms),
        }
    }

    fn start_resolution(&mut self, now: i64, parms: &NeighParms) -> Result<Effects, Unusable> {
        self.updated = now;
        if parms.get(NeighVar::McastProbes) + parms.get(NeighVar::AppProbes) == 0 {
            self.state = NudState::Failed;
            return Err(Unusable::Failed);
        }
        self.state = NudState::Incomplete;
        self.probes = parms.get(NeighVar::UcastProbes);
        let timer = SetTimer::At(now + parms.retrans_time());
        Err(Unusable::Waiting(Effects { timer, probe: true, ..Effects::default() }))
    }

    /// Changes the entry after a message from the neighbour or a request (`__neigh_update()`).
    pub(super) fn update(
        &mut self,
        now: i64,
        parms: &NeighParms,
        reachable: i64,
        update: &Update,
    ) -> Result<Effects, UpdateRefused> {
        let old = self.state;
        if !update.admin && old.is_fixed() {
            return Err(UpdateRefused::Fixed);
        }
        if !update.state.is_valid() {
            return Ok(self.invalidate(now, update.state));
        }
        let mut new = update.state;
        let lladdr = match update.lladdr {
            Some(lladdr) => lladdr,
            None if old.is_valid() => self.lladdr,
            None => return Err(UpdateRefused::NoAddress),
        };
        // Without a valid state the stored bytes are nobody's address, so any address is a change.
        let is_other = lladdr != self.lladdr || !old.is_valid();
        if new.is_connected() {
            self.confirmed = now;
        }
        if old.is_valid() {
            if is_other && !update.override_addr {
                return Ok(Effects::default());
            }
            if !is_other && new == NudState::Stale && !update.admin {
                new = old;
            }
        }
        if new != old || is_other {
            self.updated = now;
        }
        if is_other {
            self.lladdr = lladdr;
            if !new.is_connected() {
                self.confirmed = now - parms.get(NeighVar::BaseReachableTime) * 2;
            }
        }
        let effects = self.enter(now, new, reachable);
        Ok(Effects { notify: new != old || is_other, ..effects })
    }

    /// Enters a valid state.
    fn enter(&mut self, now: i64, new: NudState, reachable: i64) -> Effects {
        let old = std::mem::replace(&mut self.state, new);
        if new == old {
            return Effects::default();
        }
        if new == NudState::Probe {
            self.probes = 0;
        }
        let timer = if new == NudState::Reachable {
            SetTimer::At(now + reachable)
        } else if new.is_timed() {
            SetTimer::At(now)
        } else {
            SetTimer::Stop
        };
        Effects { timer, send_queue: !old.is_valid(), ..Effects::default() }
    }

    /// Enters a state without an address.
    fn invalidate(&mut self, now: i64, new: NudState) -> Effects {
        let old = std::mem::replace(&mut self.state, new);
        let was_asked = matches!(old, NudState::Incomplete | NudState::Probe);
        let fail_queue = was_asked && new == NudState::Failed;
        if fail_queue {
            self.updated = now;
        }
        let notify = old.is_valid() || fail_queue;
        Effects { timer: SetTimer::Stop, fail_queue, notify, ..Effects::default() }
    }

    /// The timer fired (`neigh_timer_handler()`).
    pub(super) fn expire(&mut self, now: i64, parms: &NeighParms, reachable: i64) -> Effects {
        let delay = parms.get(NeighVar::DelayProbeTime);
        let old = self.state;
        let next = match self.state {
            NudState::Reachable if now <= self.confirmed + reachable => self.confirmed + reachable,
            NudState::Reachable if now <= self.used + delay => {
                self.change(now, NudState::Delay);
                now + delay
            }
            NudState::Reachable => {
                self.change(now, NudState::Stale);
                return Effects { notify: true, ..Effects::default() };
            }
            NudState::Delay if now <= self.confirmed + delay => {
                self.change(now, NudState::Reachable);
                self.confirmed + reachable
            }
            NudState::Delay => {
                self.change(now, NudState::Probe);
                self.probes = 0;
                now + parms.retrans_time()
            }
            NudState::Probe | NudState::Incomplete => now + parms.retrans_time(),
            NudState::None
            | NudState::Stale
            | NudState::Failed
            | NudState::Noarp
            | NudState::Permanent => return Effects::default(),
        };
        let asking = matches!(self.state, NudState::Incomplete | NudState::Probe);
        if asking && self.probes >= parms.max_probes(self.state == NudState::Probe) {
            self.change(now, NudState::Failed);
            return Effects { fail_queue: true, notify: true, ..Effects::default() };
        }
        let timer = SetTimer::At(next.max(now + HZ / 100));
        // What becomes doubtful again, nobody is told.
        let notify = old == NudState::Delay;
        Effects { timer, probe: asking, notify, ..Effects::default() }
    }

    fn change(&mut self, now: i64, state: NudState) {
        self.state = state;
        self.updated = now;
    }

    /// Whether the periodic collector may take it (`neigh_periodic_work()`).
    pub(super) fn is_collectable(&mut self, now: i64, parms: &NeighParms) -> bool {
        if self.state == NudState::Permanent || self.state.is_timed() || self.extern_learn {
            return false;
        }
        if self.used < self.confirmed && self.confirmed <= now {
            self.used = self.confirmed;
        }
        let fresh = self.used..self.used + parms.get(NeighVar::GcStaletime);
        self.state == NudState::Failed || !fresh.contains(&now)
    }

    /// Whether it goes when the table is too full (`neigh_forced_gc()`).
    pub(super) fn is_expendable(&self, now: i64) -> bool {
        let idle = !(now - 5 * HZ..=now).contains(&self.updated);
        !self.state.is_timed()
            && !self.is_exempt()
            && (matches!(self.state, NudState::Failed | NudState::Noarp) || idle)
    }

    /// Whether it does not count against the table's limits (`NTF_EXT_LEARNED`, permanent).
    pub(super) fn is_exempt(&self) -> bool {
        self.state == NudState::Permanent || self.extern_learn
    }
}

/// Why a packet cannot use the entry now.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Unusable {
    /// The address is being asked for; the packet has to wait.
    Waiting(Effects),
    /// Nobody is asked on this device.
    Failed,
}
