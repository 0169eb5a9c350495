//! The matches of a rule as `iptables-nft` reads them back (`nft_rule_to_iptables_command_state()`).

use std::borrow::Cow;

use crate::netfilter::xtables::matches::{Match, MatchExtension as _};
use crate::netfilter::xtables::table::Variant;

/// What tools show and compare: of all that `tcp` (or `udp`) asks by expressions `iptables-nft` makes one match, which
/// stands where the first stood. Packets are judged by each of them.
pub(in crate::netfilter::xtables) fn read_back(
    matches: &[Match],
    variant: Option<Variant>,
) -> Cow<'_, [Match]> {
    let count = matches.iter().filter(|m| is_read_from_expressions(m)).count();
    if variant != Some(Variant::Nft) || count < 2 {
        return Cow::Borrowed(matches);
    }
    let mut shown: Vec<Match> = Vec::with_capacity(matches.len());
    for m in matches {
        let earlier = shown.iter_mut().filter(|earlier| is_read_from_expressions(earlier));
        let is_new = !is_read_from_expressions(m) || !earlier.into_iter().any(|to| add(to, m));
        if is_new {
            shown.push(m.clone());
        }
    }
    Cow::Owned(shown)
}

fn is_read_from_expressions(m: &Match) -> bool {
    matches!(m, Match::Tcp(tcp) if tcp.is_native())
        || matches!(m, Match::Udp(udp) if udp.is_native())
}

/// Adds what `m` asks to a match of the same name; says whether it is one.
fn add(to: &mut Match, m: &Match) -> bool {
    match (to, m) {
        (Match::Tcp(to), Match::Tcp(tcp)) => to.add(tcp),
        (Match::Udp(to), Match::Udp(udp)) => to.add(udp),
        _ => return false,
    }
    true
}
