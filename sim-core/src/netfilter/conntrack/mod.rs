//! Connection tracking (`net/netfilter/nf_conntrack_core.c`).

pub mod entry;
pub mod event;
pub mod proto;
pub mod table;
pub mod timeout;
pub mod tuple;

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
}
