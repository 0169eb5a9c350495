//! The sockets of a case in the simulator: opened by its steps, served whenever something happened.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

use crate::errno::Errno;
use crate::id::{NetnsId, SocketId};
use crate::packet::IpProto;
use crate::socket::{SockOpt, SocketType};
use crate::world::World;

use super::super::format::{Action, to_hex};
use super::super::observed::SocketEvent;

/// The open sockets and what they met.
#[derive(Debug, Default)]
pub(super) struct Sockets {
    list: Vec<Endpoint>,
    pub(super) events: Vec<SocketEvent>,
}

#[derive(Debug, Clone)]
struct Endpoint {
    socket: SocketId,
    netns: String,
    name: String,
    role: Role,
    /// Nothing more is to be read from it.
    done: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// Sends for `udp` steps.
    Udp,
    /// Sends back what it gets.
    Echo,
    Listener,
    /// A connection that a listener accepted; sends back what it gets.
    Accepted,
    /// Connects and sends for `tcp-` steps.
    Client {
        connected: bool,
    },
}

impl Role {
    fn socket_type(self) -> SocketType {
        match self {
            Self::Udp | Self::Echo => SocketType::Udp,
            Self::Listener | Self::Accepted | Self::Client { .. } => SocketType::Tcp,
        }
    }
}

impl Sockets {
    /// Does the step `action` in the namespace `id`, called `netns`; tells why it cannot.
    pub(super) fn act(
        &mut self,
        world: &mut World,
        (netns, id): (&str, NetnsId),
        action: &Action,
    ) -> Result<(), &'static str> {
        match action {
            Action::Raw(packet) => return self.raw(world, (netns, id), packet),
            Action::Udp { from, to, data } => {
                let name = format!("udp {from}");
                let known = self.position(netns, &name);
                let place =
                    known.or_else(|| self.bound(world, (netns, id), &name, Role::Udp, *from));
                if let Some(place) = place {
                    let sent = world.send_to(self.list[place].socket, data, Some(*to));
                    self.note_error(netns, &name, sent.map(|_| ()));
                }
            }
            Action::UdpEcho(at) => {
                self.bound(world, (netns, id), &format!("echo {at}"), Role::Echo, *at);
            }
            Action::TcpListen(at) => {
                const BACKLOG: u32 = 16;
                let name = format!("listen {at}");
                let at = inet(*at)?;
                if let Some(place) = self.bound(world, (netns, id), &name, Role::Listener, at) {
                    let listening = world.listen(self.list[place].socket, BACKLOG);
                    return listening.map_err(|_| "it cannot listen");
                }
            }
            Action::TcpConnect { from, to } => {
                let (name, role) =
                    (format!("tcp {}", from.port()), Role::Client { connected: false });
                let (from, to) = (inet(*from)?, inet(*to)?);
                if let Some(place) = self.bound(world, (netns, id), &name, role, from) {
                    match world.connect(self.list[place].socket, to) {
                        Ok(()) | Err(Errno::EINPROGRESS) => {}
                        Err(error) => {
                            self.list[place].done = true;
                            self.note_error(netns, &name, Err(error));
                        }
                    }
                }
            }
            Action::TcpSend { port, data } => {
                let place = self.client(netns, *port)?;
                let sent = world.send(self.list[place].socket, data);
                self.note_error(netns, &format!("tcp {port}"), sent.map(|_| ()));
            }
            Action::TcpClose { port } => {
                let place = self.client(netns, *port)?;
                world.close_socket(self.list.remove(place).socket);
            }
            Action::Tx(_)
            | Action::Sh(_)
            | Action::Wait
            | Action::NfqBind { .. }
            | Action::NfqAccept { .. } => return Err("not a socket step"),
        }
        Ok(())
    }

    fn position(&self, netns: &str, name: &str) -> Option<usize> {
        self.list.iter().position(|one| one.netns == netns && one.name == name)
    }

    fn client(&self, netns: &str, port: u16) -> Result<usize, &'static str> {
        self.position(netns, &format!("tcp {port}")).ok_or("no tcp-connect from that port")
    }

    fn raw(
        &mut self,
        world: &mut World,
        (netns, id): (&str, NetnsId),
        packet: &[u8],
    ) -> Result<(), &'static str> {
        let destination: [u8; 4] = packet
            .get(16..20)
            .and_then(|bytes| bytes.try_into().ok())
            .ok_or("a raw packet needs an IPv4 header")?;
        let to = SocketAddrV4::new(Ipv4Addr::from(destination), 0);
        let sent = world.socket(id, SocketType::Raw(IpProto::RAW)).and_then(|socket| {
            world.set_option(socket, SockOpt::Broadcast(true))?;
            let sent = world.send_to(socket, packet, Some(to));
            world.close_socket(socket);
            sent.map(|_| ())
        });
        self.note_error(netns, "raw", sent);
        Ok(())
    }

    /// Opens a bound socket; none if the kernel refuses the address, which is an event.
    fn bound(
        &mut self,
        world: &mut World,
        (netns, id): (&str, NetnsId),
        name: &str,
        role: Role,
        at: SocketAddrV4,
    ) -> Option<usize> {
        let opened = world.socket(id, role.socket_type()).and_then(|socket| {
            world.set_option(socket, SockOpt::ReuseAddr(true))?;
            let bound = world.bind(socket, at);
            if bound.is_err() {
                world.close_socket(socket);
            }
            bound.map(|()| socket)
        });
        match opened {
            Ok(socket) => {
                let (netns, name) = (netns.to_owned(), name.to_owned());
                self.list.push(Endpoint { socket, netns, name, role, done: false });
                Some(self.list.len() - 1)
            }
            Err(error) => {
                self.note_error(netns, name, Err(error));
                None
            }
        }
    }

    fn note(&mut self, netns: &str, socket: &str, what: &str, data: String) {
        self.events.push(SocketEvent {
            netns: netns.to_owned(),
            socket: socket.to_owned(),
            what: what.to_owned(),
            data,
        });
    }

    fn note_error(&mut self, netns: &str, socket: &str, result: Result<(), Errno>) {
        if let Err(error) = result {
            self.note(netns, socket, "error", error.name().to_owned());
        }
    }

    /// Accepts, receives and answers on every socket until nothing is left to do.
    pub(super) fn serve(&mut self, world: &mut World) {
        while self.serve_each(world) {}
    }

    /// Serves every socket once; tells whether there was anything to do.
    fn serve_each(&mut self, world: &mut World) -> bool {
        let mut busy = false;
        // What is accepted on the way is served the next time.
        for place in 0..self.list.len() {
            let one = self.list[place].clone();
            if one.done {
                continue;
            }
            busy |= match one.role {
                Role::Listener => self.accept(world, &one),
                Role::Udp | Role::Echo => self.receive_datagrams(world, &one),
                Role::Accepted | Role::Client { .. } => self.receive_stream(world, place),
            };
        }
        self.list.retain(|one| {
            let over = one.done && one.role == Role::Accepted;
            if over {
                world.close_socket(one.socket);
            }
            !over
        });
        busy
    }

    fn accept(&mut self, world: &mut World, listener: &Endpoint) -> bool {
        let mut busy = false;
        while let Ok(socket) = world.accept(listener.socket) {
            busy = true;
            let peer = world.peer_addr(socket).map_or_else(|_| String::new(), |at| at.to_string());
            self.note(&listener.netns, &listener.name, "accept", peer);
            let name = listener.name.replacen("listen", "conn", 1);
            let netns = listener.netns.clone();
            self.list.push(Endpoint { socket, netns, name, role: Role::Accepted, done: false });
        }
        busy
    }

    fn receive_datagrams(&mut self, world: &mut World, one: &Endpoint) -> bool {
        let Endpoint { socket, netns, name, role, .. } = one;
        let mut busy = false;
        let mut data = Vec::new();
        loop {
            match world.recv_from(*socket, &mut data) {
                Ok(datagram) => {
                    busy = true;
                    self.note(netns, name, &format!("from {}", datagram.from), to_hex(&data));
                    if *role == Role::Echo {
                        let sent = world.send_to(*socket, &data, Some(datagram.from)).map(|_| ());
                        self.note_error(netns, name, sent);
                    }
                }
                Err(Errno::EAGAIN) => return busy,
                Err(error) => {
                    self.note_error(netns, name, Err(error));
                    return true;
                }
            }
        }
    }

    fn receive_stream(&mut self, world: &mut World, place: usize) -> bool {
        const BUFFER: usize = 1 << 16;
        let Endpoint { socket, netns, name, role, .. } = self.list[place].clone();
        let mut busy = false;
        if role == (Role::Client { connected: false }) && world.peer_addr(socket).is_ok() {
            self.list[place].role = Role::Client { connected: true };
            self.note(&netns, &name, "connected", String::new());
            busy = true;
        }
        let mut data = Vec::new();
        loop {
            match world.recv(socket, &mut data, BUFFER) {
                Ok(0) => {
                    self.note(&netns, &name, "eof", String::new());
                    self.list[place].done = true;
                    return true;
                }
                Ok(_) => {
                    busy = true;
                    self.note(&netns, &name, "recv", to_hex(&data));
                    if role == Role::Accepted {
                        let sent = world.send(socket, &data).map(|_| ());
                        self.note_error(&netns, &name, sent);
                    }
                }
                Err(Errno::EAGAIN) => return busy,
                Err(error) => {
                    self.note_error(&netns, &name, Err(error));
                    self.list[place].done = true;
                    return true;
                }
            }
        }
    }
}

/// The address of a socket, which is one of IPv4.
fn inet(addr: SocketAddr) -> Result<SocketAddrV4, &'static str> {
    match addr {
        SocketAddr::V4(addr) => Ok(addr),
        SocketAddr::V6(_) => Err("sockets of IPv6 are not modelled"),
    }
}
