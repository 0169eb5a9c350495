//! From a topology to a world.

use sim_core::id::NetnsId;
use sim_core::world::World;

use super::graph::Graph;
use super::{Interface, Machine, Role, Topology};
use crate::host::{CallError, Host, IptablesBackend};

/// A world could not be built.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum BuildError {
    /// A command did not do what it should.
    #[error(transparent)]
    Call(#[from] CallError),
    /// A namespace is not there that was made before.
    #[error("there is no namespace called {0:?}")]
    NoNamespace(String),
}

/// The name of the bridge in a switch.
const BRIDGE: &str = "br0";
/// The longest name of a device, in bytes.
const MAX_DEV_NAME: usize = 15;

impl Topology {
    /// Makes a world with the machines and what connects them; clusters come later.
    ///
    /// # Errors
    /// When the kernel refuses something.
    pub fn build(&self) -> Result<World, BuildError> {
        let mut world = World::new(self.seed);
        self.build_in(&mut world)?;
        Ok(world)
    }

    /// Makes the machines and what connects them in a world that has none of them.
    pub(crate) fn build_in(&self, world: &mut World) -> Result<(), BuildError> {
        for network in &self.networks {
            let mtu = network.mtu.to_string();
            let mut host = add_namespace(world, &network.name)?;
            host.must_run(&["ip", "link", "add", BRIDGE, "mtu", &mtu, "type", "bridge"], "")?;
            host.must_run(&["ip", "link", "set", BRIDGE, "up"], "")?;
        }
        for wire in &self.wires {
            self.build_wire(world, wire.between)?;
        }
        for (place, machine) in self.machines.iter().enumerate() {
            add_namespace(world, &machine.name)?;
            for (i, interface) in machine.interfaces.iter().enumerate() {
                let port = port_name(&machine.name, place, i);
                self.build_interface(world, machine, interface, &port)?;
            }
        }
        let graph = Graph::new(self);
        for (i, machine) in self.machines.iter().enumerate() {
            self.build_routes(world, &graph, i, machine)?;
        }
        Ok(())
    }

    fn build_wire(&self, world: &mut World, ends: [usize; 2]) -> Result<(), BuildError> {
        let [a, b] = ends.map(|end| &self.networks[end]);
        let ports = [(&b.name, ends[1]), (&a.name, ends[0])];
        let mtu = a.mtu.min(b.mtu).to_string();
        let [port_a, port_b] = ports.map(|(name, place)| port_name(name, place, 0));
        let mut host = host(world, &a.name)?;
        let ends = ["name", &port_a, "mtu", &mtu, "type", "veth", "peer", "name", &port_b];
        let mut argv = vec!["ip", "link", "add"];
        argv.extend(ends);
        argv.extend(["mtu", &mtu, "netns", &b.name]);
        host.must_run(&argv, "")?;
        host.must_run(&["ip", "link", "set", "dev", &port_a, "master", BRIDGE, "up"], "")?;
        let mut host = self::host(world, &b.name)?;
        host.must_run(&["ip", "link", "set", "dev", &port_b, "master", BRIDGE, "up"], "")?;
        Ok(())
    }

    /// Lays the wire from an interface to the port of its switch, and gives it its address.
    fn build_interface(
        &self,
        world: &mut World,
        machine: &Machine,
        interface: &Interface,
        port: &str,
    ) -> Result<(), BuildError> {
        let network = &self.networks[interface.network];
        let (name, mtu) = (interface.name.to_string(), network.mtu.to_string());
        let mac = interface.mac.map(|mac| mac.to_string());
        let mut host = host(world, &machine.name)?;
        let mut argv = vec!["ip", "link", "add", "name", &name, "mtu", &mtu];
        if let Some(mac) = &mac {
            argv.extend(["address", mac]);
        }
        argv.extend(["type", "veth", "peer", "name", port, "mtu", &mtu, "netns", &network.name]);
        host.must_run(&argv, "")?;
        host.must_run(&["ip", "link", "set", "dev", &name, "up"], "")?;
        let (address, broadcast) =
            (interface.address.to_string(), interface.address.broadcast().to_string());
        let mut argv = vec!["ip", "addr", "add", &address];
        if interface.address.prefix_len() < 31 {
            argv.extend(["brd", &broadcast]);
        }
        argv.extend(["dev", &name]);
        host.must_run(&argv, "")?;
        let mut host = self::host(world, &network.name)?;
        host.must_run(&["ip", "link", "set", "dev", port, "master", BRIDGE, "up"], "")?;
        Ok(())
    }

    /// Gives a machine its ways to networks that it is not in.
    fn build_routes(
        &self,
        world: &mut World,
        graph: &Graph<'_>,
        number: usize,
        machine: &Machine,
    ) -> Result<(), BuildError> {
        let mut host = host(world, &machine.name)?;
        if machine.role != Role::Host {
            host.set_sysctl("net.ipv4.ip_forward", "1")?;
        }
        for route in &machine.routes {
            add_route(&mut host, &route.to.to_string(), &route.via.to_string())?;
        }
        let hop_ip = |network| {
            let hop = graph.next_hop(number, network)?;
            Some(self.machines[hop.machine].interfaces[hop.interface].address.addr())
        };
        let far: Vec<_> = (0..self.networks.len())
            .filter_map(|network| Some((network, hop_ip(network)?)))
            .collect();
        // Routers know each network; others send everything to one of them.
        if machine.role == Role::Router {
            for (network, via) in &far {
                for subnet in &self.networks[*network].subnets {
                    if !machine.routes.iter().any(|route| route.to.contains(subnet)) {
                        add_route(&mut host, &subnet.to_string(), &via.to_string())?;
                    }
                }
            }
        }
        let default = machine.gateway.or_else(|| {
            let (_, via) = far.first()?;
            (machine.role != Role::Router).then_some(*via)
        });
        if let Some(via) = default {
            add_route(&mut host, "default", &via.to_string())?;
        }
        Ok(())
    }
}

fn add_route(host: &mut Host<'_>, to: &str, via: &str) -> Result<(), CallError> {
    host.must_run(&["ip", "route", "add", to, "via", via], "").map(drop)
}

/// The namespace called `name`, as a machine.
pub(crate) fn host<'w>(world: &'w mut World, name: &str) -> Result<Host<'w>, BuildError> {
    Host::named(world, name).ok_or_else(|| BuildError::NoNamespace(name.to_owned()))
}

/// Makes the namespace of a machine or switch.
pub(crate) fn add_namespace<'w>(world: &'w mut World, name: &str) -> Result<Host<'w>, BuildError> {
    let initial: NetnsId = world.initial_netns();
    let mut outside = Host { world, netns: initial, iptables: IptablesBackend::Nft };
    outside.must_run(&["ip", "netns", "add", name], "")?;
    let mut host = host(world, name)?;
    host.must_run(&["ip", "link", "set", "lo", "up"], "")?;
    Ok(host)
}

/// The name of a switch's port: that of who is behind it, with the number of the interface from the second on. Where
/// that is too long it is where the other stands in the file, which is `place`.
fn port_name(name: &str, place: usize, number: usize) -> String {
    let number = if number == 0 { String::new() } else { format!(".{number}") };
    if name.len() + number.len() <= MAX_DEV_NAME {
        format!("{name}{number}")
    } else {
        format!("port{place}{number}")
    }
}
