//! Every request prints as the command that makes it: the tools read from the printed words the very
//! request they were printed from.

mod connections;
mod links;
mod others;

use proptest::prelude::*;
use sim_core::link::DevName;
use sim_core::netlink::Request;
use sim_core::netlink::request::LinkRef;
use sim_core::world::World;
use sim_core::world::journal::Entry;

use crate::commands::words;

/// The devices that requests may name: a bridge, a port of it, the port's peer, a tunnel, and one whose
/// name a shell would read otherwise.
const DEVICES: [&str; 5] = ["br0", "p0", "p1", "vx0", "$a'b\"!"];
/// Namespaces, one with a name that a shell would take apart.
const NAMESPACES: [&str; 2] = ["n1", "it's \"2\""];

/// A world in which all of that is there, and a journal is kept.
fn world() -> World {
    let mut world = World::new(1);
    for name in NAMESPACES {
        world.add_netns(name).unwrap();
    }
    let initial = world.initial_netns();
    for line in [
        "ip link add br0 type bridge",
        "ip link add p0 master br0 type veth peer p1",
        "ip link add vx0 type vxlan id 1 dstport 0",
        r#"ip link add '$a'\''b"!' type dummy"#,
    ] {
        assert_eq!(world.run_command(initial, &words(line)).unwrap().status, 0, "{line}");
    }
    world.keep_journal();
    world
}

fn dev_name() -> BoxedStrategy<DevName> {
    prop::sample::select(&DEVICES[..]).prop_map(|name| name.parse().unwrap()).boxed()
}

fn any_dev_name() -> BoxedStrategy<DevName> {
    "[!-.0-9;-~]{1,15}".prop_filter_map("a name", |text| text.parse().ok()).boxed()
}

fn link() -> BoxedStrategy<LinkRef> {
    prop_oneof![
        dev_name().prop_map(LinkRef::Name),
        (1_u32..9).prop_map(|index| LinkRef::Index(sim_core::id::IfIndex(index))),
    ]
    .boxed()
}

/// What running the printed command asks for.
fn read_back(world: &World, line: &str) -> Vec<Entry> {
    let mut world = world.clone();
    let initial = world.initial_netns();
    world.run_command(initial, &words(line)).unwrap();
    world.take_journal()
}

thread_local! {
    static WORLD: World = world();
}

fn check(request: &Request, netns: Option<&str>) -> Result<(), TestCaseError> {
    WORLD.with(|world| {
        let command = request.command(world);
        let command = command.map_err(|error| TestCaseError::reject(error.to_string()))?;
        let (place, command) = match netns {
            None => (world.initial_netns(), command),
            Some(name) => (world.netns_by_name(name).unwrap(), command.within(name)),
        };
        let line = command.to_string();
        let entries = read_back(world, &line);
        let read: Vec<_> = entries.iter().map(|e| (e.netns, e.request.as_ref())).collect();
        prop_assert_eq!(read, [(place, Some(request))], "{}", line);
        Ok(())
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_printed_request_about_devices_is_read_as_itself(request in links::request()) {
        check(&request, None)?;
    }

    #[test]
    fn a_printed_request_about_anything_else_is_read_as_itself(request in others::request()) {
        check(&request, None)?;
    }

    #[test]
    fn a_printed_request_about_connections_is_read_as_itself(request in connections::request()) {
        check(&request, None)?;
    }

    #[test]
    fn a_printed_request_for_another_namespace_is_made_there(
        request in others::anywhere(),
        netns in prop::sample::select(&NAMESPACES[..]),
    ) {
        check(&request, Some(netns))?;
    }
}
