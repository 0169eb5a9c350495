//! iptables: tables of rules at the hooks (`net/netfilter/x_tables.c`, `net/ipv4/netfilter/ip_tables.c`, and
//! `nft_compat.c`, which runs the same extensions inside `nf_tables`).
//!
//! A [`Rule`](rule::Rule) is immutable; what packets change about it stands in [`table::RuleLive`]. An extension
//! is one file in [`mod@matches`] or [`targets`]: its options, its text, its evaluation.

pub mod change;
pub mod commit;
mod compiled;
pub mod draft;
mod dsfield;
pub mod extension;
pub mod intern;
#[cfg(test)]
pub(crate) mod lab;
mod loops;
pub mod matches;
pub mod options;
pub mod packet;
pub mod print;
pub mod quote;
pub mod reading;
pub mod registry;
pub mod rule;
mod sharing;
pub mod table;
pub mod targets;
pub mod trace;
pub mod traverse;
pub mod value;
