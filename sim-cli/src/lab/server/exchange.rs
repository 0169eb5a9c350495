//! What goes back and forth between shims and their programs in the world.

use std::collections::BTreeMap;

use sim_core::id::{Id as _, NetnsId, ProcId};
use sim_core::tools::{self, Call, Catches};
use sim_core::world::{Output, Poll, Process, Program, Signal, Sys};

use super::client::State;
use super::proc::{self, Descent};
use super::{Client, ClientId, Server};
use crate::lab::names;
use crate::lab::protocol::{Exec, Hello, PIECE, ToServer, ToShim, VERSION};

impl Server {
    /// Acts on everything that shims have asked for; false if that is nothing. Shims come in the
    /// order in which their processes were started. What running ones have sent comes before new
    /// ones start: the shell started these after it killed those.
    pub(super) fn act(&mut self) -> bool {
        let fresh = self.clients.values_mut().filter(|client| client.is_fresh());
        fresh.for_each(Client::trace_descent);
        let mut order: Vec<ClientId> = self.clients.keys().copied().collect();
        order.sort_by_key(|id| (self.clients[id].started.clone(), *id));
        let mut acted = false;
        for id in &order {
            acted |= self.pass_messages(*id);
            acted |= self.notice_loss(*id);
        }
        for id in &order {
            acted |= self.answer_hello(*id);
        }
        acted
    }

    /// Passes on what a running shim has sent.
    fn pass_messages(&mut self, id: ClientId) -> bool {
        let mut acted = false;
        loop {
            let Some(client) = self.clients.get_mut(&id) else { return acted };
            let Some(message) = client.take_message() else { return acted };
            let Some(program) = client.program() else { return acted };
            match message {
                ToServer::Stdin(bytes) if bytes.is_empty() => self.world.feed(program, None),
                ToServer::Stdin(bytes) => self.world.feed(program, Some(&bytes)),
                ToServer::Signal(signal) => self.world.signal(program, signal),
                ToServer::File(file, answer) => self.world.file_answer(program, file, answer),
                // It has said hello before; saying it again means nothing.
                ToServer::Hello(_) => {}
            }
            self.collect();
            acted = true;
        }
    }

    /// Ends what belongs to a shim from which nothing can come any more.
    fn notice_loss(&mut self, id: ClientId) -> bool {
        let Some(client) = self.clients.get_mut(&id) else { return false };
        if client.state == State::Leaving || !client.is_lost() {
            return false;
        }
        let possession = client.possession();
        client.abandon();
        self.to_flush.push_back(id);
        if let Some(program) = possession {
            self.world.reap(program);
            self.world.run_programs();
            self.collect();
        }
        true
    }

    /// Starts the program of a new shim.
    fn answer_hello(&mut self, id: ClientId) -> bool {
        let Some(client) = self.clients.get_mut(&id) else { return false };
        let Some(hello) = client.take_hello() else { return false };
        let state = hello.and_then(|hello| self.start(hello));
        if let Some(client) = self.clients.get_mut(&id) {
            match state {
                Ok(state) => client.state = state,
                Err(why) => {
                    client.dismiss(&ToShim::Refused(why));
                    self.to_flush.push_back(id);
                }
            }
        }
        self.collect();
        true
    }

    /// Starts a program in the world, or says why that is impossible.
    fn start(&mut self, hello: Hello) -> Result<State, String> {
        if hello.version != VERSION {
            return Err("this is another version of kubewire than the lab's".into());
        }
        let netns = match &hello.netns {
            None => self.world.initial_netns(),
            Some(place) => self
                .netns(place)
                .ok_or_else(|| format!("the network namespace {place:?} is gone"))?,
        };
        let name = hello.argv.first().map_or("", String::as_str);
        let tool = tools::find(name).ok_or_else(|| format!("there is no tool {name:?}"))?;
        let call =
            Call { argv: hello.argv, to_terminal: hello.to_terminal, columns: hello.columns };
        if call.may_ask_for_processes() {
            let processes = self.census();
            self.world.set_processes(processes);
        }
        let program = self.world.spawn_program(tool.name, netns, (tool.start)(call));
        Ok(State::Running(program, tool.catches))
    }

    /// The namespace that the environment of a shim names.
    fn netns(&self, place: &str) -> Option<NetnsId> {
        let (number, _) = place.split_once(':')?;
        let id = NetnsId::from_index(number.parse().ok()?);
        self.world.kernel.netns.get(id).map(|_| id)
    }

    /// The processes of the lab, and the namespace that each is in.
    fn census(&self) -> BTreeMap<u32, NetnsId> {
        let lab = self.room.path().to_string_lossy();
        let mut census = BTreeMap::new();
        for pid in self.watch.family() {
            let Some(environment) = proc::environment(pid) else { continue };
            let value = |name: &str| {
                let of = |entry: &&String| entry.split_once('=').is_some_and(|(n, _)| n == name);
                environment.iter().find(of).map(|entry| &entry[name.len() + 1..])
            };
            // The processes of a lab in the lab are somewhere else.
            if value(names::LAB) != Some(&*lab) {
                continue;
            }
            let netns = match value(names::NETNS) {
                None => Some(self.world.initial_netns()),
                Some(place) => self.netns(place),
            };
            census.extend(netns.map(|netns| (pid.cast_unsigned(), netns)));
        }
        census
    }

    /// Takes what the programs of all shims have to say, and what has been recorded.
    pub(super) fn collect(&mut self) {
        let ids: Vec<ClientId> = self.clients.keys().copied().collect();
        for id in ids {
            self.collect_one(id);
        }
        let clients = &self.clients;
        let started = |id: &ClientId| clients.get(id).map(|client| &client.started);
        self.to_flush.make_contiguous().sort_by(|a, b| started(a).cmp(&started(b)));
        self.record();
    }

    /// Takes what has been recorded.
    pub(super) fn record(&mut self) {
        self.recording.push(&self.world.take_records());
        self.recording.push_changes(&self.world.take_journal());
    }

    fn collect_one(&mut self, id: ClientId) {
        let Some(program) = self.clients.get(&id).and_then(Client::program) else { return };
        let (news, end) = self.news(program);
        let Some(client) = self.clients.get_mut(&id) else { return };
        if !news.is_empty() && !self.to_flush.contains(&id) {
            self.to_flush.push_back(id);
        }
        news.iter().for_each(|message| client.send(message));
        client.state = match end {
            None => return,
            Some(End::Exit) => State::Leaving,
            Some(End::Exec(netns)) => {
                State::Away(self.world.spawn_program("sh", netns, Box::new(Resident)))
            }
        };
        self.world.reap(program);
    }

    /// What a program has to say since the last time, and how it ended if it did.
    fn news(&mut self, program: ProcId) -> (Vec<ToShim>, Option<End>) {
        let Some(process) = self.world.process_mut(program) else { return (Vec::new(), None) };
        let output = std::mem::take(&mut process.output);
        let stdin_wanted = std::mem::take(&mut process.stdin_wanted);
        let state = process.state;
        let mut news = Vec::new();
        for piece in output {
            if let Output::Exec { netns, argv } = piece {
                let name = self.world.netns_name(netns).unwrap_or_default();
                let place = format!("{}:{name}", netns.index());
                news.push(ToShim::Exec(Exec { netns: place, argv }));
                return (news, Some(End::Exec(netns)));
            }
            push_messages(piece, &mut news);
        }
        if stdin_wanted {
            news.push(ToShim::ReadStdin);
        }
        if let Poll::Exit(status) = state {
            news.push(ToShim::Exit(status));
            return (news, Some(End::Exit));
        }
        (news, None)
    }

    /// Stops the programs of shims that were stopped or do not get rid of their output, and lets the
    /// others go on.
    pub(super) fn stop_and_resume(&mut self) {
        let programs = self.clients.values().filter_map(|client| {
            let stops = client.is_congested() || self.watch.is_stopped(client.pid);
            Some((client.program()?, stops))
        });
        for (program, stops) in programs.collect::<Vec<_>>() {
            match (stops, self.world.process(program).is_some_and(Process::is_stopped)) {
                (true, false) => self.world.stop(program),
                (false, true) => {
                    self.world.resume(program);
                    self.collect();
                }
                (true, true) | (false, false) => {}
            }
        }
    }

    /// Interrupts the programs that handle it, in the order in which they were started.
    pub(super) fn interrupt_all(&mut self) {
        let mut running: Vec<_> = self.clients.values().filter_map(interruptible).collect();
        running.sort_unstable();
        for (_, program) in running {
            self.world.resume(program);
            self.world.signal(program, Signal::Interrupt);
            self.collect();
        }
    }
}

/// How a program ended.
enum End {
    Exit,
    /// It became a command of the user's in this namespace.
    Exec(NetnsId),
}

/// Keeps a namespace that a process of the user's is in.
#[derive(Clone, Debug)]
struct Resident;

impl Program for Resident {
    fn poll(&mut self, _: &mut Sys<'_>) -> Poll {
        Poll::WaitUnbounded
    }

    fn boxed_clone(&self) -> Box<dyn Program> {
        Box::new(Self)
    }
}

/// The messages that carry a piece of output; that a program becomes another is not one.
fn push_messages(output: Output, news: &mut Vec<ToShim>) {
    fn cut(bytes: &[u8], news: &mut Vec<ToShim>, wrap: impl Fn(Vec<u8>) -> ToShim) {
        news.extend(bytes.chunks(PIECE).map(|piece| wrap(piece.to_vec())));
    }
    match output {
        Output::Stdout(bytes) => cut(&bytes, news, ToShim::Stdout),
        Output::Stderr(bytes) => cut(&bytes, news, ToShim::Stderr),
        Output::Open { file, path, mode } => news.push(ToShim::Open(file, mode, path)),
        Output::Read(file) => news.push(ToShim::Read(file)),
        Output::Write(file, bytes) => cut(&bytes, news, |piece| ToShim::Write(file, piece)),
        Output::Exec { .. } => {}
    }
}

fn interruptible(client: &Client) -> Option<(Descent, ProcId)> {
    match client.state {
        State::Fresh | State::Away(_) | State::Leaving | State::Running(_, Catches::Nothing) => {
            None
        }
        State::Running(program, _) => Some((client.started.clone(), program)),
    }
}
