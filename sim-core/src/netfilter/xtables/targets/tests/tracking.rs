//! What packets are told about connection tracking before it looks at them.

use crate::family::AddressFamily;
use crate::ip::lab::Bench;
use crate::netfilter::Hook;
use crate::netfilter::conntrack::entry::ZoneDir;
use crate::netfilter::conntrack::helper::Helper;
use crate::netfilter::conntrack::{CtRef, Template, Zone};
use crate::netfilter::xtables::extension::Problem;
use crate::packet::IpProto;

use super::lab::{apply, flight, target};
use super::reader::Line;

/// A datagram 10.0.1.2:5000 > 10.0.2.2:100.
const DATAGRAM: &str = "4510001e00014000401123bb0a0001020a00020213880064000a63ba7130";

fn told(rule: &str) -> CtRef {
    let mut bench = Bench::new();
    let mut f = flight(&mut bench, Hook::PreRouting, DATAGRAM);
    apply(&mut bench, &mut f, &format!("raw PREROUTING -j {rule}"));
    f.ct
}

#[test]
fn a_packet_is_left_alone_or_gets_the_zone_and_the_events_of_its_rule() {
    let zone =
        |id, dir, from_mark| Template { zone: Zone { id, dir, from_mark }, ..Template::default() };
    for (rule, ct) in [
        ("NOTRACK", CtRef::Untracked),
        ("CT --notrack", CtRef::Untracked),
        ("CT --notrack --zone 5", CtRef::Untracked),
        ("CT", CtRef::Template(zone(0, None, false))),
        ("CT --zone 5", CtRef::Template(zone(5, None, false))),
        ("CT --zone-orig 7", CtRef::Template(zone(7, Some(ZoneDir::Original), false))),
        ("CT --zone-reply mark", CtRef::Template(zone(0, Some(ZoneDir::Reply), true))),
        ("CT --zone-orig 7 --zone-reply 8", CtRef::Template(zone(8, None, false))),
    ] {
        assert_eq!(told(rule), ct, "{rule}");
    }
    let events = Template { events: Some(0b101), exp_events: Some(0), ..Template::default() };
    assert_eq!(told("CT --ctevents new,destroy"), CtRef::Template(events));
    let events = Template { events: Some(0), exp_events: Some(1), ..Template::default() };
    assert_eq!(told("CT --expevents new"), CtRef::Template(events));
}

#[test]
fn what_came_back_over_lo_keeps_what_it_was_told() {
    let mut bench = Bench::new();
    let mut f = flight(&mut bench, Hook::PreRouting, DATAGRAM);
    f.ct = CtRef::Untracked;
    apply(&mut bench, &mut f, "raw PREROUTING -j CT --zone 5");
    assert_eq!(f.ct, CtRef::Untracked);
}

#[test]
fn only_what_will_be_tracked_turns_connection_tracking_on() {
    for (rule, needs) in [("NOTRACK", false), ("CT --notrack", false), ("CT --zone 1", true)] {
        assert_eq!(target(&format!("raw PREROUTING -j {rule}")).needs_conntrack(), needs, "{rule}");
    }
}

#[test]
fn a_packet_gets_the_helper_of_its_rule() {
    let helper = Helper::find("tftp", AddressFamily::Inet, IpProto::UDP);
    assert!(helper.is_some());
    let template = Template { helper, ..Template::default() };
    assert_eq!(told("CT --helper tftp"), CtRef::Template(template));
    assert_eq!(told("CT --notrack --helper tftp"), CtRef::Untracked);
}

/// Seen with `ip6tables-legacy`: it knows no other helper.
#[test]
fn some_helpers_are_for_ipv4_only() {
    let all = [
        "ftp",
        "tftp",
        "irc",
        "sip",
        "sane",
        "amanda",
        "pptp",
        "snmp",
        "snmp_trap",
        "netbios-ns",
        "RAS",
        "Q.931",
        "H.245",
    ];
    let known = |family, proto| {
        let is_known = move |name: &&str| Helper::find(name, family, proto).is_some();
        all.into_iter().filter(is_known).collect::<Vec<_>>()
    };
    let (inet, inet6) = (AddressFamily::Inet, AddressFamily::Inet6);
    assert_eq!(known(inet6, IpProto::TCP), ["ftp", "sip", "sane", "Q.931"]);
    assert_eq!(known(inet6, IpProto::UDP), ["tftp", "sip", "amanda", "RAS", "H.245"]);
    assert_eq!(known(inet, IpProto::TCP), ["ftp", "irc", "sip", "sane", "pptp", "Q.931"]);
}

#[test]
fn a_name_that_the_kernel_would_shorten_is_refused() {
    let read = |option| Line::new(&format!("raw PREROUTING -j CT --notrack {option}")).target();
    assert!(read("--timeout abcd").is_ok());
    assert!(matches!(read("--timeout abcde"), Err(Problem::NotModelled(_))));
}
