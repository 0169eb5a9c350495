//! Neighbours: from an address on the link to a link layer address (`net/core/neighbour.c`).
//!
//! ```text
//!   state, entry    one entry: its states, what changes it (no table, no packets)
//!   table           all entries of a namespace, the addresses answered for on behalf of others
//!   params          the settings
//!   protocol        what a family brings with it
//!   update          making, changing and removing entries, with what follows
//!   timer           the collector
//!   output          a packet asks for its next hop's address
//!   arp/            IPv4's protocol
//!   event           what becomes of entries when devices change
//! ```

pub mod arp;
pub mod entry;
mod event;
pub mod output;
pub mod params;
pub mod protocol;
pub mod state;
pub mod table;
#[cfg(test)]
mod tests;
mod timer;
pub mod update;

pub use entry::{Neigh, Update, UpdateRefused};
pub use event::{addr_removed, arp_switched, collect, expire, link_event};
pub use params::{NEIGH_FILES, NeighParms, NeighVar, neigh_file};
pub use state::NudState;
pub use table::{NeighDefaults, NeighTable, Proxy};
