//! The sockets of a case: opened by its steps, served while time passes.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd};

use nix::errno::Errno;
use nix::sys::socket::{SockaddrIn, recvfrom};
use sim_core::case::Action;
use sim_core::case::format::to_hex;
use sim_core::case::observed::SocketEvent;
use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use super::namespaces::Namespaces;

/// The open sockets and what they met.
#[derive(Default)]
pub(super) struct Sockets {
    list: Vec<Endpoint>,
    pub(super) events: Vec<SocketEvent>,
}

struct Endpoint {
    socket: Socket,
    netns: String,
    name: String,
    role: Role,
    /// Nothing more is to be read from it.
    done: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    /// Sends for `udp` steps.
    Udp,
    /// Sends back what it gets.
    Echo,
    Listener,
    /// A connection that a listener accepted; sends back what it gets.
    Accepted,
    /// Connects and sends for `tcp-` steps, from this port.
    Client {
        port: u16,
        connected: bool,
    },
}

impl Sockets {
    /// Does the step `action` in `netns`. What the kernel refuses is an event; what the case does wrong
    /// is an error.
    pub(super) fn act(
        &mut self,
        namespaces: &Namespaces,
        netns: &str,
        action: &Action,
    ) -> io::Result<()> {
        match action {
            Action::Raw(packet) => self.raw(namespaces, netns, packet),
            Action::Udp { from, to, data } => {
                let name = format!("udp {from}");
                let place = match self.position(netns, &name) {
                    Some(place) => Some(place),
                    None => {
                        self.bound(namespaces, netns, name.clone(), Role::Udp, (*from).into())?
                    }
                };
                let Some(place) = place else { return Ok(()) };
                let sent = self.list[place].socket.send_to(data, &SockAddr::from(*to));
                self.note_error(netns, &name, sent.map(|_| ()));
                Ok(())
            }
            Action::UdpEcho(at) => {
                let at = SocketAddr::from(*at);
                self.bound(namespaces, netns, format!("echo {at}"), Role::Echo, at).map(|_| ())
            }
            Action::TcpListen(at) => {
                const BACKLOG: i32 = 16;
                let name = format!("listen {at}");
                match self.bound(namespaces, netns, name, Role::Listener, *at)? {
                    Some(place) => self.list[place].socket.listen(BACKLOG),
                    None => Ok(()),
                }
            }
            Action::TcpConnect { from, to } => {
                let role = Role::Client { port: from.port(), connected: false };
                let name = format!("tcp {}", from.port());
                let Some(place) = self.bound(namespaces, netns, name.clone(), role, *from)? else {
                    return Ok(());
                };
                let connecting = self.list[place].socket.connect(&SockAddr::from(*to));
                match connecting {
                    Err(error) if error.raw_os_error() != Some(Errno::EINPROGRESS as i32) => {
                        self.list[place].done = true;
                        self.note_error(netns, &name, Err(error));
                    }
                    Ok(()) | Err(_) => {}
                }
                Ok(())
            }
            Action::TcpSend { port, data } => {
                let place = self.client(netns, *port)?;
                let sent = (&self.list[place].socket).write(data);
                self.note_error(netns, &format!("tcp {port}"), sent.map(|_| ()));
                Ok(())
            }
            Action::TcpClose { port } => {
                let place = self.client(netns, *port)?;
                self.list.remove(place);
                Ok(())
            }
            Action::Tx(_)
            | Action::Sh(_)
            | Action::Wait
            | Action::NfqBind { .. }
            | Action::NfqAccept { .. } => Err(io::Error::other("not a socket step")),
        }
    }

    fn raw(&mut self, namespaces: &Namespaces, netns: &str, packet: &[u8]) -> io::Result<()> {
        const IPPROTO_RAW: i32 = 255;
        let destination: [u8; 4] = packet
            .get(16..20)
            .and_then(|bytes| bytes.try_into().ok())
            .ok_or_else(|| io::Error::other("a raw packet needs an IPv4 header"))?;
        let to = SocketAddr::from((Ipv4Addr::from(destination), 0));
        let socket = namespaces.within(netns, || {
            Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::from(IPPROTO_RAW)))
        })?;
        socket.set_broadcast(true)?;
        let sent = socket.send_to(packet, &SockAddr::from(to));
        self.note_error(netns, "raw", sent.map(|_| ()));
        Ok(())
    }

    /// Opens a bound socket; none if the kernel refuses the address, which is an event.
    fn bound(
        &mut self,
        namespaces: &Namespaces,
        netns: &str,
        name: String,
        role: Role,
        at: SocketAddr,
    ) -> io::Result<Option<usize>> {
        let kind = match role {
            Role::Udp | Role::Echo => Type::DGRAM,
            Role::Listener | Role::Accepted | Role::Client { .. } => Type::STREAM,
        };
        let socket =
            namespaces.within(netns, || Socket::new(Domain::for_address(at), kind, None))?;
        socket.set_reuse_address(true)?;
        socket.set_nonblocking(true)?;
        let refused = socket.bind(&SockAddr::from(at));
        if refused.is_err() {
            self.note_error(netns, &name, refused);
            return Ok(None);
        }
        self.list.push(Endpoint { socket, netns: netns.to_owned(), name, role, done: false });
        Ok(Some(self.list.len() - 1))
    }

    fn position(&self, netns: &str, name: &str) -> Option<usize> {
        self.list.iter().position(|one| one.netns == netns && one.name == name)
    }

    fn client(&self, netns: &str, port: u16) -> io::Result<usize> {
        self.position(netns, &format!("tcp {port}"))
            .ok_or_else(|| io::Error::other(format!("{netns}: no tcp-connect from port {port}")))
    }

    fn note_error(&mut self, netns: &str, name: &str, result: io::Result<()>) {
        if let Err(error) = result {
            self.events.push(event(netns, name, "error", errno_name(&error)));
        }
    }

    /// Whether there is a socket to serve.
    pub(super) fn is_empty(&self) -> bool {
        self.list.iter().all(|one| one.done)
    }

    /// What to wait on.
    pub(super) fn descriptors(&self) -> Vec<BorrowedFd<'_>> {
        self.list.iter().filter(|one| !one.done).map(|one| one.socket.as_fd()).collect()
    }

    /// Accepts, receives and answers once on every socket; tells whether there was anything to do.
    pub(super) fn serve(&mut self) -> bool {
        let mut accepted = Vec::new();
        let mut busy = false;
        for one in self.list.iter_mut().filter(|one| !one.done) {
            busy |= match one.role {
                Role::Listener => one.accept(&mut self.events, &mut accepted),
                Role::Udp | Role::Echo => one.receive_datagrams(&mut self.events),
                Role::Accepted | Role::Client { .. } => one.receive_stream(&mut self.events),
            };
        }
        self.list.extend(accepted);
        self.list.retain(|one| !(one.done && one.role == Role::Accepted));
        busy
    }
}

impl Endpoint {
    fn note(&self, events: &mut Vec<SocketEvent>, what: &str, data: String) {
        events.push(event(&self.netns, &self.name, what, data));
    }

    fn accept(&self, events: &mut Vec<SocketEvent>, accepted: &mut Vec<Self>) -> bool {
        let mut busy = false;
        while let Ok((socket, peer)) = self.socket.accept() {
            busy = true;
            let peer = peer.as_socket().map_or_else(String::new, |peer| peer.to_string());
            self.note(events, "accept", peer);
            if socket.set_nonblocking(true).is_ok() {
                let name = self.name.replacen("listen", "conn", 1);
                let netns = self.netns.clone();
                accepted.push(Self { socket, netns, name, role: Role::Accepted, done: false });
            }
        }
        busy
    }

    fn receive_datagrams(&self, events: &mut Vec<SocketEvent>) -> bool {
        let mut busy = false;
        let mut buffer = vec![0; 1 << 16];
        loop {
            match recvfrom::<SockaddrIn>(self.socket.as_raw_fd(), &mut buffer) {
                Ok((length, peer)) => {
                    busy = true;
                    let peer = peer.map(SocketAddrV4::from);
                    let from = peer.map_or_else(String::new, |peer| peer.to_string());
                    self.note(events, &format!("from {from}"), to_hex(&buffer[..length]));
                    if let (Role::Echo, Some(peer)) = (self.role, peer)
                        && let Err(error) =
                            self.socket.send_to(&buffer[..length], &SockAddr::from(peer))
                    {
                        self.note(events, "error", errno_name(&error));
                    }
                }
                Err(Errno::EAGAIN) => return busy,
                Err(error) => {
                    self.note(events, "error", format!("{error:?}"));
                    return true;
                }
            }
        }
    }

    fn receive_stream(&mut self, events: &mut Vec<SocketEvent>) -> bool {
        let mut busy = false;
        if let Role::Client { port, connected: false } = self.role
            && self.socket.peer_addr().is_ok()
        {
            self.role = Role::Client { port, connected: true };
            self.note(events, "connected", String::new());
            busy = true;
        }
        let mut buffer = vec![0; 1 << 16];
        loop {
            match (&self.socket).read(&mut buffer) {
                Ok(0) => {
                    self.note(events, "eof", String::new());
                    self.done = true;
                    return true;
                }
                Ok(length) => {
                    busy = true;
                    self.note(events, "recv", to_hex(&buffer[..length]));
                    if self.role == Role::Accepted
                        && let Err(error) = (&self.socket).write_all(&buffer[..length])
                    {
                        self.note(events, "error", errno_name(&error));
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return busy,
                Err(error) => {
                    self.note(events, "error", errno_name(&error));
                    self.done = true;
                    return true;
                }
            }
        }
    }
}

fn event(netns: &str, socket: &str, what: &str, data: String) -> SocketEvent {
    SocketEvent { netns: netns.to_owned(), socket: socket.to_owned(), what: what.to_owned(), data }
}

/// `ECONNREFUSED` and the like.
fn errno_name(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(errno) => format!("{:?}", Errno::from_raw(errno)),
        None => error.to_string(),
    }
}
