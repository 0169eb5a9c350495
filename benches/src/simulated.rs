//! The simulator's side: the same path, the same datagrams.

use std::net::SocketAddrV4;

use sim_core::id::{NetnsId, SocketId};
use sim_core::socket::SocketType;
use sim_core::world::World;

use crate::path::{PAYLOAD, PORT, Path, SOURCE_PORT};

/// A path that was built, with a socket at each end.
#[derive(Clone, Debug)]
pub struct Flow {
    /// The world that holds it.
    pub world: World,
    sender: SocketId,
    receiver: SocketId,
}

impl Flow {
    /// Builds `path` in a new world.
    ///
    /// # Panics
    /// If a command of the path fails: a path is part of the bench.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        let mut world = World::new(1);
        for command in path.setup {
            let words: Vec<String> = command.split_whitespace().map(str::to_owned).collect();
            let outcome = world.run_command(world.initial_netns(), &words).expect(command);
            assert_eq!(outcome.status, 0, "{command}: {}", outcome.stderr);
        }
        let receiver = open(&mut world, path.to.0, SocketAddrV4::new(path.to.1, PORT));
        let sender = open(&mut world, path.from.0, SocketAddrV4::new(path.from.1, SOURCE_PORT));
        world.connect(sender, SocketAddrV4::new(path.to.1, PORT)).expect("there is a route");
        // A datagram each way, so that bridges know both stations.
        world.send_to(sender, PAYLOAD, None).expect("the path carries it");
        let back = SocketAddrV4::new(path.from.1, SOURCE_PORT);
        world.send_to(receiver, PAYLOAD, Some(back)).expect("so does the way back");
        Self { world, sender, receiver }
    }

    /// Sends one datagram all the way. Nobody reads it: once the receiver's queue is full, datagrams
    /// are dropped at the socket, at the very end of their path.
    pub fn send(&mut self) {
        self.world.send_to(self.sender, PAYLOAD, None).expect("the path carries it");
    }

    /// How many datagrams wait at the receiver or were dropped there.
    #[must_use]
    pub fn arrived(&self) -> u64 {
        let socket = &self.world.kernel.sockets[self.receiver];
        socket.receive_queue.len() as u64 + u64::from(socket.drops)
    }
}

fn open(world: &mut World, netns: &str, addr: SocketAddrV4) -> SocketId {
    let netns: NetnsId = world.netns_by_name(netns).expect("the path has made it");
    let socket = world.socket(netns, SocketType::Udp).expect("anybody may");
    world.bind(socket, addr).expect("the address is there");
    socket
}
