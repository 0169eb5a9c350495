//! Which addresses flows are translated to. Each was seen on Linux 6.18, in the tuple of the answers.

use std::net::{IpAddr, Ipv4Addr};

use crate::ip::lab::Bench;
use crate::link::inet::Scope;
use crate::link::lab::link;
use crate::netfilter::Hook;
use crate::netfilter::xtables::targets::{Target, masquerade, redirect};
use crate::netlink::request::{AddrSpec, Create, Request};
use crate::route::{Dst, RouteType};

use super::lab::{flight, seen, target};

/// A datagram 10.0.1.2:5000 > 10.0.2.2:100.
const DATAGRAM: &str = "4510001e00014000401123bb0a0001020a00020213880064000a63ba7130";

fn addr(bench: &mut Bench, dev: &str, local: [u8; 4], prefix_len: u8, scope: Option<Scope>) {
    let spec = AddrSpec {
        dev: link(dev),
        local: IpAddr::V4(local.into()),
        peer: None,
        prefix_len,
        any_prefix: false,
        broadcast: None,
        label: None,
        scope,
        metric: None,
        no_prefix_route: false,
        autojoin: false,
        valid_lft_s: None,
        preferred_lft_s: None,
        proto: 0,
    };
    bench.request(&Request::AddrAdd(spec, Create::Exclusive)).unwrap();
}

/// The address that a packet to `to` by way of `router` is masqueraded with on `s0`.
fn masqueraded(bench: &mut Bench, to: [u8; 4], router: Option<[u8; 4]>) -> Option<Ipv4Addr> {
    let mut f = flight(bench, Hook::PostRouting, DATAGRAM);
    f.skb.network_header_mut()[16..20].copy_from_slice(&to);
    let s0 = bench.dev("s0");
    let gateway = router.map(|router| IpAddr::V4(router.into()));
    f.dst = Some(Dst { gateway, ..Dst::on_link(s0, RouteType::Unicast) });
    masquerade::address(&bench.k, &f, s0)
}

/// `s0` has 10.0.2.1/24 already.
#[test]
fn masquerade_takes_the_address_near_the_next_hop_and_else_the_first_one() {
    let mut bench = Bench::new();
    addr(&mut bench, "s0", [10, 0, 2, 7], 24, None);
    addr(&mut bench, "s0", [10, 0, 3, 1], 24, None);
    addr(&mut bench, "s0", [10, 0, 3, 3], 32, None);
    addr(&mut bench, "s0", [10, 0, 4, 1], 24, Some(Scope::LINK));
    for (to, router, taken) in [
        ([10, 0, 2, 9], None, [10, 0, 2, 1]),
        ([10, 0, 3, 9], None, [10, 0, 3, 1]),
        ([192, 0, 2, 1], Some([10, 0, 3, 254]), [10, 0, 3, 1]),
        ([198, 51, 100, 1], None, [10, 0, 2, 1]),
        ([203, 0, 113, 1], Some([10, 0, 4, 254]), [10, 0, 2, 1]),
        ([10, 0, 4, 9], None, [10, 0, 2, 1]),
    ] {
        assert_eq!(masqueraded(&mut bench, to, router), Some(taken.into()), "{to:?}");
    }
}

#[test]
fn a_device_without_addresses_masquerades_with_that_of_another() {
    let mut bench = Bench::new();
    let s0 = bench.dev("s0");
    bench.k.devs[s0].inet.addrs.clear();
    assert_eq!(masqueraded(&mut bench, [192, 0, 2, 5], None), Some([10, 0, 1, 1].into()));
}

#[test]
fn redirect_takes_the_first_address_of_the_incoming_device_or_that_of_lo() {
    let mut bench = Bench::new();
    let f = flight(&mut bench, Hook::PreRouting, DATAGRAM);
    let at = seen(&f, Hook::PreRouting);
    assert_eq!(redirect::address(&bench.k, &at), Some([10, 0, 1, 1].into()));
    assert_eq!(redirect::address(&bench.k, &seen(&f, Hook::Output)), Some(Ipv4Addr::LOCALHOST));
    let c0 = bench.dev("c0");
    bench.k.devs[c0].inet.addrs.clear();
    assert_eq!(redirect::address(&bench.k, &at), None);
}

#[test]
fn netmap_changes_the_network_and_keeps_the_host() {
    for (to, from, mapped) in [
        ("10.7.0.0/16", [192, 0, 2, 5], [10, 7, 2, 5]),
        ("10.7.8.9", [192, 0, 2, 5], [10, 7, 8, 9]),
        ("172.16.0.0/12", [192, 0, 2, 5], [172, 16, 2, 5]),
        ("172.16.5.0/24", [10, 0, 1, 2], [172, 16, 5, 2]),
    ] {
        let target = target(&format!("nat PREROUTING -j NETMAP --to {to}"));
        let Target::Netmap(netmap) = target else { panic!("{target:?}") };
        assert_eq!(netmap.map(IpAddr::from(from)), IpAddr::from(mapped), "{to}");
    }
}
