//! What containers do, in the simplest form: every declared port answers.
//!
//! Over TCP a port sends back what it reads; a request of HTTP is answered with the name of who answers and the
//! address that the client has there. Over UDP each datagram is sent back.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddrV4};

use sim_core::errno::Errno;
use sim_core::id::SocketId;
use sim_core::socket::SocketType;
use sim_core::world::{Poll, Program, Sys};

use crate::proxy::service::Protocol;
use crate::serve::{Answer, Heard, Listener};

/// The longest head of a request, in bytes.
const MAX_HEAD: usize = 8192;
/// How many header fields a request may have.
const MAX_FIELDS: usize = 64;

/// A server on one port.
#[derive(Clone, Debug)]
pub struct Server {
    name: String,
    protocol: Protocol,
    port: u16,
    state: State,
}

#[derive(Clone, Debug)]
enum State {
    New,
    Datagrams(SocketId),
    Listening(Listener<Talk>),
}

/// What a client of TCP talks.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Talk {
    /// That is not known yet.
    #[default]
    Unknown,
    /// Not HTTP.
    Other,
}

impl Server {
    /// The server of a port, which calls itself `name`. SCTP has no sockets here: it answers nothing.
    #[must_use]
    pub fn new(name: impl Into<String>, protocol: Protocol, port: u16) -> Self {
        Self { name: name.into(), protocol, port, state: State::New }
    }

    fn open(&self, sys: &mut Sys<'_>) -> Result<State, Errno> {
        let any = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, self.port);
        match self.protocol {
            Protocol::Tcp => Listener::open(sys, any).map(State::Listening),
            Protocol::Udp => {
                let socket = sys.socket(SocketType::Udp)?;
                sys.bind(socket, any)?;
                Ok(State::Datagrams(socket))
            }
            Protocol::Sctp => Err(Errno::EPROTONOSUPPORT),
        }
    }
}

impl Program for Server {
    fn poll(&mut self, sys: &mut Sys<'_>) -> Poll {
        if matches!(self.state, State::New) {
            match self.open(sys) {
                Ok(state) => self.state = state,
                Err(_) => return Poll::Exit(1),
            }
        }
        match &mut self.state {
            State::New => {}
            State::Datagrams(socket) => echo(sys, *socket),
            State::Listening(listener) => {
                listener.serve(sys, &mut |talk, heard| talk.answer(&self.name, heard));
            }
        }
        Poll::WaitUnbounded
    }

    fn boxed_clone(&self) -> Box<dyn Program> {
        Box::new(self.clone())
    }
}

/// Sends every datagram back.
fn echo(sys: &mut Sys<'_>, socket: SocketId) {
    let mut data = Vec::new();
    loop {
        match sys.recv_from(socket, &mut data) {
            Ok(datagram) => {
                // If there is no way back, that is the client's trouble.
                let _lost = sys.send_to(socket, &data, Some(datagram.from));
            }
            Err(Errno::EAGAIN) => return,
            // An error about an earlier answer.
            Err(_) => {}
        }
    }
}

impl Talk {
    /// Answers what a client says.
    fn answer(&mut self, name: &str, heard: Heard<'_>) -> Answer {
        if heard.bytes.is_empty() {
            return Answer::Wait;
        }
        if *self == Self::Unknown {
            let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
            match httparse::Request::new(&mut fields).parse(heard.bytes) {
                Ok(httparse::Status::Complete(_)) => {
                    return Answer::SayLast(greeting(name, heard.client));
                }
                // The first bytes of a method tell.
                Ok(httparse::Status::Partial)
                    if heard.bytes.len() < MAX_HEAD && may_be_request(heard.bytes) =>
                {
                    return Answer::Wait;
                }
                Ok(httparse::Status::Partial) | Err(_) => *self = Self::Other,
            }
        }
        Answer::Say(std::mem::take(heard.bytes))
    }
}

/// Whether a request may start so: with a method in capital letters and a blank.
fn may_be_request(head: &[u8]) -> bool {
    let method = head.iter().take_while(|byte| byte.is_ascii_uppercase()).count();
    method > 2 && head.get(method).is_none_or(|byte| *byte == b' ')
}

/// The answer to a request of HTTP.
fn greeting(name: &str, client: Option<SocketAddrV4>) -> Vec<u8> {
    let mut body = format!("Hostname: {name}\n");
    if let Some(client) = client {
        writeln!(body, "Client: {client}").expect("a string takes everything");
    }
    let length = body.len();
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n{body}"
    )
    .into_bytes()
}

#[cfg(test)]
mod tests {
    use sim_core::id::NetnsId;
    use sim_core::world::World;

    use super::*;

    /// A world with servers for TCP and UDP at port 80.
    fn world() -> (World, NetnsId) {
        let mut world = World::new(0);
        let netns = world.initial_netns();
        run(&mut world, "ip link set lo up", "");
        for protocol in [Protocol::Tcp, Protocol::Udp] {
            let server = Server::new("web-0", protocol, 80);
            world.spawn_program("server", netns, Box::new(server));
        }
        (world, netns)
    }

    fn run(world: &mut World, command: &str, input: &str) -> String {
        let argv: Vec<String> = command.split_whitespace().map(str::to_owned).collect();
        let netns = world.initial_netns();
        world.run_command_on(netns, &argv, input.as_bytes()).unwrap().stdout
    }

    #[test]
    fn a_request_of_http_is_answered_with_the_server_s_name_and_the_client() {
        let (mut world, _) = world();
        let request = "GET / HTTP/1.1\r\nHost: web\r\n\r\n";
        let answer = run(&mut world, "nc -N -p 4000 127.0.0.1 80", request);
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert!(answer.ends_with("\r\n\r\nHostname: web-0\nClient: 127.0.0.1:4000\n"), "{answer}");
    }

    #[test]
    fn whatever_else_comes_over_tcp_is_sent_back() {
        let (mut world, _) = world();
        assert_eq!(run(&mut world, "nc -N 127.0.0.1 80", "hello\n"), "hello\n");
        assert_eq!(run(&mut world, "nc -N 127.0.0.1 80", "GETTING nowhere\n"), "GETTING nowhere\n");
    }

    #[test]
    fn a_datagram_is_sent_back() {
        let (mut world, _) = world();
        assert_eq!(run(&mut world, "nc -u -w 1 127.0.0.1 80", "hello\n"), "hello\n");
    }
}
