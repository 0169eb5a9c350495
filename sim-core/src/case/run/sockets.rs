//! The sockets of a case in the simulator: opened by its steps, served whenever something happened.

use std::net::{Ipv4Addr, SocketAddrV4};

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

#[derive(Debug)]
struct Endpoint {
    socket: SocketId,
    netns: String,
    name: String,
    /// Whether it sends back what it gets.
    echoes: bool,
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
            Action::Raw(packet) => self.raw(world, (netns, id), packet),
            Action::Udp { from, to, data } => {
                let name = format!("udp {from}");
                let known = self.list.iter().find(|one| one.netns == netns && one.name == name);
                let socket = match known {
                    Some(one) => Some(one.socket),
                    None => self.bound(world, (netns, id), &name, *from, false),
                };
                if let Some(socket) = socket {
                    let sent = world.send_to(socket, data, Some(*to)).map(|_| ());
                    self.note_error(netns, &name, sent);
                }
                Ok(())
            }
            Action::UdpEcho(at) => {
                self.bound(world, (netns, id), &format!("echo {at}"), *at, true);
                Ok(())
            }
            Action::TcpListen(_)
            | Action::TcpConnect { .. }
            | Action::TcpSend { .. }
            | Action::TcpClose { .. } => Err("TCP sockets are not modelled"),
            Action::Tx(_)
            | Action::Sh(_)
            | Action::Wait
            | Action::NfqBind { .. }
            | Action::NfqAccept { .. } => Err("not a socket step"),
        }
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

    /// Opens a bound UDP socket; none if the kernel refuses the address, which is an event.
    fn bound(
        &mut self,
        world: &mut World,
        (netns, id): (&str, NetnsId),
        name: &str,
        at: SocketAddrV4,
        echoes: bool,
    ) -> Option<SocketId> {
        let opened = world.socket(id, SocketType::Udp).and_then(|socket| {
            world.set_option(socket, SockOpt::ReuseAddr(true))?;
            world.bind(socket, at)?;
            Ok(socket)
        });
        match opened {
            Ok(socket) => {
                let (netns, name) = (netns.to_owned(), name.to_owned());
                self.list.push(Endpoint { socket, netns, name, echoes });
                Some(socket)
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

    /// Receives and answers on every socket until nothing is left to do.
    pub(super) fn serve(&mut self, world: &mut World) {
        let mut busy = true;
        while busy {
            busy = false;
            for place in 0..self.list.len() {
                busy |= self.serve_one(world, place);
            }
        }
    }

    /// Receives what is there on one socket; tells whether there was anything.
    fn serve_one(&mut self, world: &mut World, place: usize) -> bool {
        let Endpoint { socket, echoes, .. } = self.list[place];
        let (netns, name) = (self.list[place].netns.clone(), self.list[place].name.clone());
        let mut busy = false;
        let mut data = Vec::new();
        loop {
            match world.recv_from(socket, &mut data) {
                Ok(datagram) => {
                    busy = true;
                    self.note(&netns, &name, &format!("from {}", datagram.from), to_hex(&data));
                    if echoes {
                        let sent = world.send_to(socket, &data, Some(datagram.from)).map(|_| ());
                        self.note_error(&netns, &name, sent);
                    }
                }
                Err(Errno::EAGAIN) => return busy,
                Err(error) => {
                    self.note_error(&netns, &name, Err(error));
                    return true;
                }
            }
        }
    }
}
