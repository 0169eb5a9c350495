//! What packets are told about connection tracking before it looks at them.

use crate::ip::lab::Bench;
use crate::netfilter::Hook;
use crate::netfilter::conntrack::entry::ZoneDir;
use crate::netfilter::conntrack::{CtRef, Template, Zone};
use crate::netfilter::xtables::extension::Problem;

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
fn helpers_and_timeouts_are_refused_by_name() {
    for (option, name) in [("--helper ftp", "CT --helper"), ("--timeout x", "CT --timeout")] {
        let read = Line::new(&format!("raw PREROUTING -p tcp -j CT {option}")).target();
        assert_eq!(read, Err(Problem::NotModelled(name.to_owned())));
    }
}
