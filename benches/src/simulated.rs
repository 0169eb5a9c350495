//! The simulator's side: the same path, the same rules, the same datagrams.

use std::net::SocketAddrV4;

use sim_core::id::{NetnsId, SocketId};
use sim_core::packet::IpProto;
use sim_core::socket::SocketType;
use sim_core::world::World;

use crate::fresh::Fresh;
use crate::path::PAYLOAD;
use crate::rules::NETNS;
use crate::scene::{Scene, Traffic};

/// A path that was built, with sockets at its ends.
#[derive(Clone, Debug)]
pub struct Flow {
    /// The world that holds it.
    pub world: World,
    sender: SocketId,
    receivers: Vec<SocketId>,
    fresh: Option<Fresh>,
}

impl Flow {
    /// Builds `scene` in a new world.
    ///
    /// # Panics
    /// If a command of the scene fails: a scene is part of the bench.
    #[must_use]
    pub fn new(scene: &Scene) -> Self {
        let mut world = World::new(1);
        for command in scene.path.setup {
            let initial = world.initial_netns();
            run(&mut world, initial, command, "");
        }
        if let Some(rules) = &scene.rules {
            restore(&mut world, rules);
        }
        let open_at = |at: &SocketAddrV4| open(&mut world, scene.path.to.0, *at);
        let receivers: Vec<SocketId> = scene.at.iter().map(open_at).collect();
        let (sender, fresh) = match scene.traffic {
            Traffic::OneFlow => (open(&mut world, scene.path.from.0, scene.from()), None),
            Traffic::FirstPackets => {
                let netns = netns(&world, scene.path.from.0);
                let sender = world.socket(netns, SocketType::Raw(IpProto::RAW));
                (sender.expect("anybody may"), Some(Fresh::new(scene.to)))
            }
        };
        world.connect(sender, scene.to).expect("there is a route");
        let mut flow = Self { world, sender, receivers, fresh };
        flow.send();
        if scene.traffic == Traffic::OneFlow {
            flow.answer(scene.from());
        }
        flow
    }

    /// Whoever has received a datagram sends one back, so that bridges know both stations, and the flow
    /// is one that was answered.
    fn answer(&mut self, to: SocketAddrV4) {
        for receiver in &self.receivers {
            if !self.world.kernel.sockets[*receiver].receive_queue.is_empty() {
                self.world.send_to(*receiver, PAYLOAD, Some(to)).expect("there is a way back");
            }
        }
    }

    /// Sends one datagram all the way. Nobody reads it: once the receiver's queue is full, datagrams
    /// are dropped at the socket, at the very end of their path.
    pub fn send(&mut self) {
        let data = self.fresh.as_mut().map_or(PAYLOAD, |fresh| fresh.packet());
        self.world.send_to(self.sender, data, None).expect("the path carries it");
    }

    /// How many datagrams wait at the receivers or were dropped there.
    #[must_use]
    pub fn arrived(&self) -> u64 {
        let sockets = self.receivers.iter().map(|receiver| &self.world.kernel.sockets[*receiver]);
        sockets.map(|socket| socket.receive_queue.len() as u64 + u64::from(socket.drops)).sum()
    }

    /// Has the router ask every rule, one by one.
    pub fn interpret(&mut self) {
        let router = netns(&self.world, NETNS);
        self.world.kernel.netns[router].nf.interprets = true;
    }

    /// Ends all connections of the router.
    pub fn forget_connections(&mut self) {
        let router = netns(&self.world, NETNS);
        run(&mut self.world, router, "conntrack -F", "");
    }
}

/// Has the router of a path restore `rules`.
///
/// # Panics
/// If the path has no router, or the rules are refused.
pub fn restore(world: &mut World, rules: &str) {
    let router = netns(world, NETNS);
    run(world, router, "iptables-restore", rules);
}

fn run(world: &mut World, netns: NetnsId, command: &str, input: &str) {
    let words: Vec<String> = command.split_whitespace().map(str::to_owned).collect();
    let outcome = world.run_command_on(netns, &words, input.as_bytes()).expect(command);
    assert_eq!(outcome.status, 0, "{command}: {}", outcome.stderr);
}

fn netns(world: &World, name: &str) -> NetnsId {
    world.netns_by_name(name).expect("the path has made it")
}

fn open(world: &mut World, name: &str, addr: SocketAddrV4) -> SocketId {
    let netns = netns(world, name);
    let socket = world.socket(netns, SocketType::Udp).expect("anybody may");
    world.bind(socket, addr).expect("the address is there");
    socket
}
