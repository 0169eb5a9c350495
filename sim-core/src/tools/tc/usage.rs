//! What `tc` says when it is asked for help: recorded from iproute2 6.1.0.

use crate::tools::failure::Failure;

/// The text of `tc help`.
pub(super) const TC: &str = include_str!("../usage/tc.txt");
/// The text of `tc qdisc help`.
pub(super) const QDISC: &str = include_str!("../usage/tc_qdisc.txt");
/// The text of `tc qdisc add netem help`.
pub(super) const NETEM: &str = include_str!("../usage/tc_netem.txt");

/// Asking for help is no failure.
pub(super) fn tc() -> Failure {
    Failure::returns(0, TC)
}

/// Asking for help is no failure.
pub(super) fn qdisc() -> Failure {
    Failure::returns(0, QDISC)
}

/// `netem` cannot do what it is told.
pub(super) fn netem(why: &str) -> Failure {
    Failure::returns(1, format!("{why}{NETEM}"))
}
