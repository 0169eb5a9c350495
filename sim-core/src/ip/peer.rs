//! What is remembered of other hosts (`struct inet_peer`, `net/ipv4/inetpeer.c`): how many ICMP errors
//! and redirects they were sent of late.
//!
//! One bucket of tokens serves all kinds of errors, and redirects keep their own count in its fields,
//! so that each of them changes what the others find: on Linux a redirect leaves the bucket empty.

use std::net::Ipv4Addr;

use indexmap::IndexMap;
use rustc_hash::FxBuildHasher;

use crate::neigh::params::HZ;

/// How many errors a host may be sent at once, in units of the time between two
/// (`XRLIM_BURST_FACTOR`).
const BURST: i64 = 6;
/// A new host's bucket was last filled this long ago, so that the first look at it fills it.
const LONG_AGO: i64 = 60 * HZ;
/// The tokens that one "no route" error costs (`net.ipv4.route.error_cost`).
const ERROR_COST: i64 = HZ;
/// The most tokens that "no route" errors find (`net.ipv4.route.error_burst`).
const ERROR_BURST: i64 = 5 * HZ;
/// How many redirects a host may ignore (`net.ipv4.route.redirect_number`).
const REDIRECT_NUMBER: u32 = 9;
/// The wait after the first redirect, which doubles with each further one, in jiffies
/// (`net.ipv4.route.redirect_load`).
const REDIRECT_LOAD: i64 = HZ / 50;
/// After so many jiffies without need for one a host is told again
/// (`net.ipv4.route.redirect_silence`).
const REDIRECT_SILENCE: i64 = REDIRECT_LOAD << (REDIRECT_NUMBER + 1);
/// How many hosts are remembered before old ones are forgotten (`inet_peer_threshold`).
const THRESHOLD: usize = 65_664;
/// After this time nothing remembered has any effect, in jiffies (`inet_peer_maxttl`).
const MAX_TTL: i64 = 600 * HZ;

/// What is remembered of one host. Times are jiffies.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct InetPeer {
    tokens: i64,
    last: i64,
    redirects: u32,
    /// Counts its fragments (`rid`).
    pub(super) fragments: u32,
}

impl InetPeer {
    fn new(now: i64) -> Self {
        Self { tokens: 0, last: now - LONG_AGO, redirects: 0, fragments: 0 }
    }

    /// Takes one ICMP message from the bucket, if there is one left; messages come back one every
    /// `interval` (`inet_peer_xrlim_allow()`).
    pub fn may_send(&mut self, now: i64, interval: i64) -> bool {
        let passed = now - self.last;
        if passed != 0 {
            self.last = now;
            self.tokens = (self.tokens + passed).min(BURST * interval);
        }
        self.take(interval)
    }

    /// Takes one "no route" error (`ip_error()`).
    pub fn may_report_no_route(&mut self, now: i64) -> bool {
        self.tokens = (self.tokens + now - self.last).min(ERROR_BURST);
        self.last = now;
        self.take(ERROR_COST)
    }

    fn take(&mut self, cost: i64) -> bool {
        let enough = self.tokens >= cost;
        if enough {
            self.tokens -= cost;
        }
        enough
    }

    /// Whether the host is to be told of a shorter way; if so, [`redirected`](Self::redirected) has to
    /// be called once it was (`ip_rt_send_redirect()`).
    pub fn may_redirect(&mut self, now: i64) -> bool {
        if now > self.last + REDIRECT_SILENCE {
            self.tokens = 0;
            self.redirects = 0;
        }
        if self.redirects >= REDIRECT_NUMBER {
            self.last = now;
            return false;
        }
        self.redirects == 0 || now > self.last + (REDIRECT_LOAD << self.redirects)
    }

    /// Notes that the host was told.
    pub fn redirected(&mut self, now: i64) {
        self.last = now;
        self.redirects += 1;
    }
}

/// The hosts that are remembered in one namespace (`struct inet_peer_base`).
#[derive(Clone, Debug, Default)]
pub struct Peers(IndexMap<Ipv4Addr, InetPeer, FxBuildHasher>);

impl Peers {
    /// What is remembered of `addr`, from now on if nothing was (`inet_getpeer_v4()`).
    pub fn get(&mut self, now: i64, addr: Ipv4Addr) -> &mut InetPeer {
        if self.0.len() >= THRESHOLD && !self.0.contains_key(&addr) {
            self.0.retain(|_, peer| now - peer.last < MAX_TTL);
        }
        self.0.entry(addr).or_insert_with(|| InetPeer::new(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(allowed: impl IntoIterator<Item = bool>) -> usize {
        allowed.into_iter().filter(|allowed| *allowed).count()
    }

    #[test]
    fn six_messages_may_go_at_once_and_then_one_a_second() {
        let mut peer = InetPeer::new(0);
        assert_eq!(count((0..9).map(|_| peer.may_send(0, HZ))), 6);
        assert_eq!(count((0..9).map(|_| peer.may_send(HZ * 23 / 10, HZ))), 2);
    }

    /// Seen on Linux 6.18: of five packets without a route two are answered.
    #[test]
    fn an_error_about_a_missing_route_pays_twice() {
        let mut peer = InetPeer::new(0);
        assert_eq!(count((0..5).map(|_| peer.may_report_no_route(0) && peer.may_send(0, HZ))), 2);
    }

    /// Seen on Linux 6.18: packets at 0, 10, 20 and 100 ms are answered with redirects at 0 and 100.
    #[test]
    fn each_redirect_doubles_the_wait_for_the_next_until_there_are_nine() {
        let mut peer = InetPeer::new(0);
        let mut redirect = |now: i64| {
            let may = peer.may_redirect(now);
            if may {
                peer.redirected(now);
            }
            may
        };
        assert_eq!([0, 2, 5, 25].map(&mut redirect), [true, false, false, true]);
        let later: Vec<i64> = (26..20_000).filter(|now| redirect(*now)).collect();
        let waits: Vec<i64> = later.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert_eq!(waits, [41, 81, 161, 321, 641, 1281]);
    }
}
