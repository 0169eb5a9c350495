//! Transcripts of shell sessions on Linux 6.18.44 with iproute2 6.1 (IPv6 switched off), replayed.

use crate::route::lab::replay;

#[test]
fn addresses_bring_and_take_their_routes_as_on_the_kernel() {
    replay(include_str!("transcripts/addresses.txt"));
}

#[test]
fn secondaries_are_promoted_as_on_the_kernel() {
    replay(include_str!("transcripts/promote.txt"));
}

#[test]
fn lifetimes_end_and_changes_keep_what_the_kernel_keeps() {
    replay(include_str!("transcripts/lifetimes.txt"));
}

#[test]
fn routes_are_refused_for_the_kernels_reasons() {
    replay(include_str!("transcripts/routes.txt"));
}

#[test]
fn new_routes_meet_old_ones_as_on_the_kernel() {
    replay(include_str!("transcripts/existing.txt"));
}

#[test]
fn rules_are_added_found_and_removed_as_on_the_kernel() {
    replay(include_str!("transcripts/rules.txt"));
}

#[test]
fn queries_are_answered_as_by_the_kernel() {
    replay(include_str!("transcripts/get.txt"));
}

#[test]
fn local_and_main_are_one_trie_until_the_first_rule() {
    replay(include_str!("transcripts/merged.txt"));
}

#[test]
fn flows_meet_the_rules_that_they_meet_on_the_kernel() {
    replay(include_str!("transcripts/selectors.txt"));
}

#[test]
fn seeded_flows_take_the_ways_that_they_take_on_the_kernel() {
    replay(include_str!("transcripts/multipath.txt"));
}

#[test]
fn settings_take_and_change_what_they_do_on_the_kernel() {
    replay(include_str!("transcripts/sysctls.txt"));
}
