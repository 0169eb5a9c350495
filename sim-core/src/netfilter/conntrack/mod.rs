//! Connection tracking (`net/netfilter/nf_conntrack_core.c`).
//!
//! A packet meets it twice: [`track`] finds its connection, or makes one that nobody else can find; [`confirm`]
//! puts that into the table once the packet has passed every hook.

mod attach;
pub mod confirm;
pub mod control;
pub mod defrag;
pub mod entry;
pub mod event;
pub mod garbage;
pub mod helper;
pub mod proto;
mod source;
pub mod table;
pub mod tell;
pub mod timeout;
pub mod track;
pub mod tuple;

use crate::id::NetnsId;
use crate::kernel::Kernel;
use crate::netfilter::conntrack::source::BySource;
use crate::netfilter::conntrack::table::ConnTable;

pub use entry::{Conn, CtId, CtRef, Status, Template, Zone};
pub use tuple::{CtInfo, Dir, End, Side, Tuple};

/// Connection tracking of one namespace (`struct netns_ct`).
#[derive(Clone, Debug, Default)]
pub struct Conntrack {
    /// The connections.
    pub conns: ConnTable,
    /// How many rules need connection tracking; without one it is off (`nf_ct_netns_get()`).
    pub users: usize,
    /// How many rules need labels (`nf_connlabels_get()`).
    pub label_users: usize,
    /// What was counted.
    pub stats: Stats,
    /// Connections by what they were translated from (`nf_nat_bysource`).
    pub(super) by_source: BySource,
    /// Whether the timer that collects what has expired is armed.
    gc_armed: bool,
    /// How many connections were made.
    made: u32,
}

impl Conntrack {
    /// The number of the next connection that is made.
    fn next_number(&mut self) -> u32 {
        self.made = self.made.wrapping_add(1);
        // The kernel's numbers are hashes; these are spread alike, and differ as long.
        self.made.wrapping_mul(0x9e37_79b1)
    }
}

/// The counters of `conntrack -S` (`struct ip_conntrack_stat`).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[expect(missing_docs, reason = "the names are those of `conntrack -S`")]
pub struct Stats {
    pub found: u64,
    pub invalid: u64,
    pub insert: u64,
    pub insert_failed: u64,
    pub drop: u64,
    pub early_drop: u64,
    pub error: u64,
    pub search_restart: u64,
    pub clash_resolve: u64,
    pub chaintoolong: u64,
}

/// The connection with this tuple; one whose time is over ends here (`nf_conntrack_find_get()`).
fn lookup(k: &mut Kernel, netns: NetnsId, tuple: &Tuple, zone: Zone) -> Option<(CtId, Dir)> {
    let now = k.now.jiffies();
    loop {
        let conns = &k.netns[netns].nf.conntrack.conns;
        let (id, dir) = conns.find(tuple, zone).next()?;
        if !conns.get(id)?.has_expired(now) {
            return Some((id, dir));
        }
        garbage::kill(k, netns, id);
    }
}
