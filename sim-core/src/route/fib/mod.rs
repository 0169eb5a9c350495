//! The forwarding information base: tables, routes, policy rules (`net/ipv4/fib_*.c`).

pub mod change;
pub mod info;
pub mod rule;
pub mod table;
pub mod trie;

pub use info::{FibInfo, Metrics, NextHop, NhFlags};
pub use rule::{RTPROT_KERNEL, Rule, Rules};
pub use table::{
    Fib, FibFamily, Linkstate, RT_TABLE_DEFAULT, RT_TABLE_LOCAL, RT_TABLE_MAIN, lookup,
    table_lookup,
};
pub use trie::{Aliases, FibAlias, FibMatch, Trie};
