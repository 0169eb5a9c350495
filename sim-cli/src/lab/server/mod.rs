//! The lab's server: one thread, one world, and a loop around both.
//!
//! The loop alternates between two things. While anything outside of it runs (the shell, `grep`, a
//! shim), it listens; see [`quiet`] for how it knows. At a quiet moment it does one thing: it passes on
//! what one shim has to print, or acts on everything that shims have asked for, or lets virtual time
//! pass up to the next event. So the order of all that happens depends on the commands alone.

mod beginning;
mod client;
mod exchange;
mod pace;
mod proc;
mod quiet;
mod room;
mod shell;
mod signals;

use std::collections::{BTreeMap, VecDeque};
use std::ffi::OsString;
use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::time::TimeSpec;
use nix::unistd::getpid;
use sim_core::trace::Recorder;
use sim_core::world::World;

pub use self::beginning::Beginning;
use self::client::{Client, State};
use self::pace::{Advance, Pace};
use self::quiet::Watch;
use self::room::Room;
use self::shell::Shell;
use self::signals::Signals;
use crate::error::{CliError, ErrorKind};
use crate::lab::protocol::ToShim;
use crate::recording::{Outputs, Recording};

/// How many shims can be connected at once.
const MAX_CLIENTS: usize = 512;
/// How long the server lets running processes be between two looks at them.
const LOOK_AGAIN: Duration = Duration::from_micros(200);
/// How long shims have for ending themselves when the lab is over.
const FAREWELL: Duration = Duration::from_secs(1);

/// What a lab is started with.
#[derive(Clone, Debug)]
pub struct Options {
    /// What the world begins with.
    pub beginning: Beginning,
    /// Where packets and what they met are written to.
    pub outputs: Outputs,
    /// The file for a shell script that builds the same network.
    pub script: Option<PathBuf>,
    /// The command and its arguments; none is the user's own shell.
    pub command: Vec<OsString>,
}

/// Runs a lab until its command ends, and returns the command's exit status.
///
/// # Errors
/// What the lab is to begin with cannot be made, the machine does not let the lab be built, the command cannot be
/// started, or a recording could not be written.
pub fn run(options: &Options) -> Result<u8, Vec<CliError>> {
    let (world, recording) = begin(options)?;
    serve(options, world, recording).map_err(|error| vec![error])
}

/// Makes the world, and records it from its beginning. Files are opened last: what cannot be made empties no old ones.
fn begin(options: &Options) -> Result<(World, Recording), Vec<CliError>> {
    let mut world = World::new(options.beginning.seed());
    world.set_recorder(options.outputs.keep().map(Recorder::new));
    if options.script.is_some() {
        world.keep_journal();
    }
    let world = options.beginning.fill(world)?;
    let recording = Recording::start(&options.outputs, options.script.as_deref());
    Ok((world, recording.map_err(|error| vec![error])?))
}

fn serve(options: &Options, world: World, recording: Recording) -> Result<u8, CliError> {
    let room = Room::new().map_err(|e| machine("cannot make a folder for the lab", &e))?;
    let listener = room.listen().map_err(|e| machine("cannot open the lab's socket", &e))?;
    let signals = Signals::new().map_err(|e| machine("cannot take signals", &e))?;
    let shell = Shell::start(&room, &options.command).map_err(|e| no_command(options, &e))?;
    let server = Server {
        world,
        room,
        recording,
        listener,
        signals,
        shell,
        watch: Watch::new(getpid().as_raw()),
        clients: BTreeMap::new(),
        next_client: 0,
        to_flush: VecDeque::new(),
        pace: Pace::default(),
    };
    server.run()
}

fn machine(what: &str, error: &io::Error) -> CliError {
    CliError::new(ErrorKind::Machine, format!("{what}: {}", crate::error::reason(error)))
}

fn no_command(options: &Options, error: &io::Error) -> CliError {
    let name = options.command.first().map_or_else(
        || std::env::var_os("SHELL").unwrap_or_else(|| "/bin/sh".into()),
        OsString::clone,
    );
    let missing = error.kind() == io::ErrorKind::NotFound;
    let kind = if missing { ErrorKind::NotFound } else { ErrorKind::NotExecutable };
    let name = name.to_string_lossy();
    CliError::new(kind, format!("cannot run {name}: {}", crate::error::reason(error)))
}

/// Names a connected shim. A later one has a larger number.
type ClientId = u64;

/// The server of a running lab.
#[derive(Debug)]
struct Server {
    world: World,
    /// Removed with the server.
    room: Room,
    recording: Recording,
    listener: UnixListener,
    signals: Signals,
    shell: Shell,
    watch: Watch,
    clients: BTreeMap<ClientId, Client>,
    next_client: ClientId,
    /// Shims for whom there is something new to write, in the order in which they get it.
    to_flush: VecDeque<ClientId>,
    pace: Pace,
}

impl Server {
    fn run(mut self) -> Result<u8, CliError> {
        self.record();
        let status = loop {
            self.settle();
            if let Some(status) = self.shell.status {
                break status;
            }
            if let Some(signal) = self.signals.ending() {
                break signal.wrapping_add(128);
            }
            self.stop_and_resume();
            if self.flush_next() || self.act() {
                continue;
            }
            if let Advance::Wait(timeout) = self.advance() {
                self.recording.flush();
                let start = Instant::now();
                self.poll(timeout);
                self.pace.idle(start.elapsed());
            }
        };
        self.say_farewell();
        self.shell.end_all();
        self.recording.finish()?;
        Ok(status)
    }

    /// Listens until the processes around the lab have done all they can do.
    fn settle(&mut self) {
        loop {
            self.listen();
            if self.watch.is_quiet() && !self.listen() {
                return;
            }
            self.poll(Some(LOOK_AGAIN));
        }
    }

    /// Takes connections, messages and signals that have arrived; false if there were none.
    fn listen(&mut self) -> bool {
        let mut heard = self.signals.clear();
        if heard {
            self.shell.reap();
        }
        while self.clients.len() < MAX_CLIENTS {
            let Ok((stream, _)) = self.listener.accept() else { break };
            heard = true;
            if let Ok(client) = Client::new(stream) {
                self.clients.insert(self.next_client, client);
                self.next_client += 1;
            }
        }
        for (id, client) in &mut self.clients {
            heard |= client.receive();
            if !self.to_flush.contains(id) {
                client.flush();
            }
        }
        self.clients.retain(|_, client| !client.is_done());
        heard
    }

    /// Writes to the next shim for whom there is something new; false if there is none.
    fn flush_next(&mut self) -> bool {
        let Some(id) = self.to_flush.pop_front() else { return false };
        if let Some(client) = self.clients.get_mut(&id) {
            client.flush();
        }
        true
    }

    /// Waits until something arrives, or for `timeout`.
    fn poll(&self, timeout: Option<Duration>) {
        let mut fds = vec![PollFd::new(self.signals.as_fd(), PollFlags::POLLIN)];
        if self.clients.len() < MAX_CLIENTS {
            fds.push(PollFd::new(self.listener.as_fd(), PollFlags::POLLIN));
        }
        for client in self.clients.values() {
            let mut wanted = PollFlags::empty();
            wanted.set(PollFlags::POLLIN, client.wants_reading());
            wanted.set(PollFlags::POLLOUT, client.wants_writing());
            if !wanted.is_empty() {
                fds.push(PollFd::new(client.as_fd(), wanted));
            }
        }
        match ppoll(&mut fds, timeout.map(TimeSpec::from_duration), None) {
            Ok(_) | Err(Errno::EINTR) => {}
            // Out of memory: trying again later is all that can be done.
            Err(_) => std::thread::sleep(LOOK_AGAIN),
        }
    }

    /// Lets all programs end: those that report at their end do so, in the order in which they were
    /// started.
    fn say_farewell(&mut self) {
        self.interrupt_all();
        while self.flush_next() {
            self.settle();
        }
        self.clients.retain(|_, client| !matches!(client.state, State::Away(_)));
        for client in self.clients.values_mut() {
            client.dismiss(&ToShim::Ended);
        }
        let start = Instant::now();
        while !self.clients.is_empty() && start.elapsed() < FAREWELL {
            self.listen();
            self.poll(Some(LOOK_AGAIN));
        }
    }
}
