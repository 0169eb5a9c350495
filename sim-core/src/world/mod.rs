//! The world: a kernel, the programs that run on it, and what names and records it.

pub mod journal;
pub mod namespaces;
pub mod process;
mod queue;
pub mod socket;
pub mod sys;

use std::collections::BTreeMap;

use indexmap::IndexMap;
use rustc_hash::FxBuildHasher;

use crate::id::{Arena, DevId, Id as _, NetnsId, ProcId};
use crate::kernel::{Flight, Kernel, Place, Timer};
use crate::link::receive::eth_type_trans;
use crate::netns::stack;
use crate::time::SimTime;
use crate::trace::record::Record;
use crate::trace::{Event, Origin, Recorder};

pub use namespaces::NameChange;
pub use process::{
    FileAnswer, FileId, FileState, OpenMode, Output, Poll, Process, Program, Signal, Stdin,
};
pub use sys::Sys;

/// Runs `$body` with the kernel and its observer. The observer is a generic parameter of the packet
/// path; this is the one place that chooses between the two instances there are.
macro_rules! observed {
    ($world:expr, |$k:ident, $o:ident| $body:expr) => {{
        let $k = &mut $world.kernel;
        match &mut $world.recorder {
            None => {
                let $o = &mut $crate::trace::NoObserver;
                $body
            }
            Some($o) => $body,
        }
    }};
}
pub(crate) use observed;

/// A world: hosts, wires, programs and virtual time.
///
/// It is a value: a clone is a snapshot that can be run on separately.
#[derive(Clone, Debug)]
pub struct World {
    /// The kernel model.
    pub kernel: Kernel,
    /// The named namespaces (`/run/netns`), in the order in which they were made.
    pub(crate) names: IndexMap<String, NetnsId, FxBuildHasher>,
    /// Who wants to know when a name comes or goes.
    name_watches: Vec<namespaces::NameWatch>,
    pub(crate) procs: Arena<ProcId, Process>,
    /// The machine's processes and their namespaces, if anybody has told of them.
    outside: Option<BTreeMap<u32, NetnsId>>,
    /// Programs that have something to do now.
    runnable: Vec<ProcId>,
    pub(crate) recorder: Option<Recorder>,
    /// What was asked for, if somebody wants to know.
    journal: Option<Vec<journal::Entry>>,
}

impl World {
    /// Makes a world with one namespace, the host's own, that holds only a loopback device.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let mut kernel = Kernel::new(seed);
        kernel.add_netns();
        Self {
            kernel,
            names: IndexMap::default(),
            name_watches: Vec::new(),
            procs: Arena::default(),
            outside: None,
            runnable: Vec::new(),
            recorder: None,
            journal: None,
        }
    }

    /// The present.
    #[must_use]
    pub fn now(&self) -> SimTime {
        self.kernel.now
    }

    /// The namespace that was there from the beginning.
    #[must_use]
    pub fn initial_netns(&self) -> NetnsId {
        NetnsId::from_index(0)
    }

    /// The namespace called `name` (`/run/netns/NAME`).
    #[must_use]
    pub fn netns_by_name(&self, name: &str) -> Option<NetnsId> {
        self.names.get(name).copied()
    }

    /// The name of a namespace, if it has one.
    #[must_use]
    pub fn netns_name(&self, id: NetnsId) -> Option<&str> {
        self.names.iter().find(|(_, n)| **n == id).map(|(name, _)| name.as_str())
    }

    /// All named namespaces in the order in which they were made.
    pub fn netns_names(&self) -> impl DoubleEndedIterator<Item = (&str, NetnsId)> {
        self.names.iter().map(|(name, id)| (name.as_str(), *id))
    }

    /// Whether a journal is kept.
    pub(crate) fn keeps_journal(&self) -> bool {
        self.journal.is_some()
    }

    /// Starts recording, or ends it with `None`.
    pub fn set_recorder(&mut self, recorder: Option<Recorder>) {
        self.recorder = recorder;
    }

    /// Takes what was recorded since the last time, in order.
    pub fn take_records(&mut self) -> Vec<Record> {
        let (names, initial) = (&self.names, self.initial_netns());
        let Some(recorder) = &mut self.recorder else { return Vec::new() };
        recorder.drain(|id| match names.iter().find(|(_, n)| **n == id) {
            Some((name, _)) => name.clone(),
            None if id == initial => "-".to_owned(),
            None => format!("#{id}"),
        })
    }

    /// Lets `dev` receive the Ethernet frame `frame`, and everything happen that follows at once.
    /// A frame shorter than its link header is ignored, as no wire could carry it.
    pub fn inject(&mut self, dev: DevId, frame: &[u8]) {
        let k = &mut self.kernel;
        if frame.len() < 14 || !k.devs[dev].is_up() {
            return;
        }
        let mut skb = k.skb();
        skb.put(frame);
        let flow = k.new_flow();
        let netns = k.devs[dev].netns;
        let mut flight = Flight::new(skb, Place::DeviceReceive, netns, dev, flow);
        eth_type_trans(&mut k.devs[dev], &mut flight);
        observed!(self, |k, o| {
            stack::emit(k, &flight, o, |_| Event::Started { origin: Origin::Injected });
            k.netif_rx(flight);
            k.run_pending(o);
        });
        self.run_programs();
    }

    /// When something will happen next without anybody's doing.
    #[must_use]
    pub fn next_event(&self) -> Option<SimTime> {
        self.kernel.timers.next_at()
    }

    /// Lets time pass until `end`, with everything that happens on the way.
    pub fn run_until(&mut self, end: SimTime) {
        while self.step_until(end) {}
        self.kernel.now = self.kernel.now.max(end);
    }

    /// Handles the next timer if it is due by `end`; false if there is none.
    pub fn step_until(&mut self, end: SimTime) -> bool {
        let on_wheel = self.kernel.timers.next_is_on_wheel();
        let Some((at, timer)) = self.kernel.timers.pop_due(end) else { return false };
        self.kernel.now = self.kernel.now.max(at);
        if let Timer::Program(id) = timer {
            self.make_runnable(id);
        } else {
            observed!(self, |k, o| {
                stack::expire(k, &timer, o);
                // What timers of one jiffy send is received when all of them have run.
                while on_wheel && k.timers.next_is_on_wheel() {
                    k.run_spawned(o);
                    let Some((_, timer)) = k.timers.pop_due(at) else { break };
                    stack::expire(k, &timer, o);
                }
                k.run_pending(o);
            });
        }
        self.run_programs();
        true
    }

    fn make_runnable(&mut self, id: ProcId) {
        if !self.runnable.contains(&id) {
            self.runnable.push(id);
        }
    }

    /// Makes the owners of changed sockets runnable.
    fn collect_woken(&mut self) {
        let mut woken = std::mem::take(&mut self.kernel.woken);
        for socket in woken.drain(..) {
            if let Some(owner) = self.kernel.sockets.get(socket).and_then(|s| s.owner) {
                self.make_runnable(owner);
            }
        }
        // Nothing is woken meanwhile; the list keeps its room.
        self.kernel.woken = woken;
        let rtnl = self.kernel.rtnl.wake();
        let listeners: Vec<ProcId> = rtnl.chain(self.kernel.nfnl.wake()).collect();
        for owner in listeners {
            self.make_runnable(owner);
        }
    }

    /// Runs programs until all of them wait.
    pub fn run_programs(&mut self) {
        self.collect_woken();
        while !self.runnable.is_empty() {
            let id = self.runnable.remove(0);
            self.poll_program(id);
            self.collect_woken();
        }
    }
}
