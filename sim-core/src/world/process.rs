//! Programs: sans-I/O state machines that run inside a namespace.

use std::collections::VecDeque;
use std::fmt;

use crate::id::{NetnsId, ProcId, SocketId};
use crate::kernel::TimerId;
use crate::world::{Sys, World};

/// A program. It never blocks: it does what it can, says what it waits for, and is called again when
/// a socket of its own changes, its alarm rings, input arrives or a signal is sent.
pub trait Program: fmt::Debug {
    /// Does what can be done now.
    fn poll(&mut self, sys: &mut Sys<'_>) -> Poll;

    /// A copy, for snapshots of the world.
    fn boxed_clone(&self) -> Box<dyn Program>;
}

impl Clone for Box<dyn Program> {
    fn clone(&self) -> Self {
        self.boxed_clone()
    }
}

/// What a program is up to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Poll {
    /// It ended with this exit status.
    Exit(u8),
    /// It waits for something that is bound to come as virtual time passes: a reply or its timeout.
    /// The world may run ahead until then.
    WaitBounded,
    /// It waits for something that may never come: a listener, a capture, a ping without a count.
    WaitUnbounded,
}

/// What a program can read from its standard input now.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Stdin {
    /// These bytes.
    Data(Vec<u8>),
    /// Nothing yet.
    Empty,
    /// Nothing any more.
    Eof,
}

/// Names an open file of the user's, within one program.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct FileId(pub u32);

/// How a file of the user's is opened.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum OpenMode {
    /// For reading.
    Read,
    /// For writing, emptied or made first.
    Create,
}

/// How far the opening of a file has come.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum FileState {
    /// Nobody has answered yet: wait, and be called again.
    Opening,
    /// It is open.
    Open,
    /// It could not be opened, read or written; what `strerror(3)` says.
    Failed(String),
}

/// A file of the user's that a program has open. The library has no files: whoever runs the world
/// opens it, and answers with [`World::file_answer`].
#[derive(Clone, Debug)]
pub(crate) struct OpenFile {
    pub(crate) state: FileState,
    pub(crate) data: VecDeque<u8>,
    pub(crate) at_end: bool,
    pub(crate) asked: bool,
}

/// What became of a program's wish about a file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum FileAnswer {
    /// It is open now.
    Opened,
    /// The next bytes of it; none at its end.
    Data(Vec<u8>),
    /// It could not be done; what `strerror(3)` says.
    Failed(String),
}

/// Whether a program is stopped.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Stopped {
    No,
    Yes,
    /// And it would have been called in the meantime.
    Called,
}

/// The first descriptor behind those of standard input, output and error.
const FIRST_FD: usize = 3;

/// A running program and what belongs to it.
#[derive(Clone, Debug)]
pub struct Process {
    /// The name of its command (`comm`).
    pub name: &'static str,
    /// The namespace it runs in.
    pub netns: NetnsId,
    /// Its code and state; taken out while it runs.
    program: Option<Box<dyn Program>>,
    /// What it last said.
    pub state: Poll,
    stopped: Stopped,
    /// What it has written and nobody has read yet, oldest first.
    pub output: VecDeque<Output>,
    pub(crate) stdin: VecDeque<u8>,
    pub(crate) stdin_closed: bool,
    /// Whether it has tried to read its standard input since it was last fed and found nothing: as
    /// long as this is false, nobody may take bytes away from the input for it.
    pub stdin_wanted: bool,
    pub(crate) files: Vec<OpenFile>,
    pub(crate) signals: VecDeque<Signal>,
    /// Its sockets by descriptor, from 3 on; a closed one leaves a gap that the next one fills.
    pub(crate) sockets: Vec<Option<SocketId>>,
    pub(crate) alarm: Option<TimerId>,
}

impl Process {
    /// Its sockets and their descriptors.
    pub fn descriptors(&self) -> impl Iterator<Item = (usize, SocketId)> {
        let slots = self.sockets.iter().enumerate();
        slots.filter_map(|(place, socket)| Some((FIRST_FD + place, (*socket)?)))
    }

    /// Whether it is stopped.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.stopped != Stopped::No
    }
}

/// Something that a program does to the world outside, to be done in order.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Output {
    /// It writes to standard output.
    Stdout(Vec<u8>),
    /// It writes to standard error.
    Stderr(Vec<u8>),
    /// It opens a file of the user's.
    Open {
        /// Its name from now on.
        file: FileId,
        /// The path, as the user wrote it.
        path: String,
        /// What for.
        mode: OpenMode,
    },
    /// It waits for the next piece of a file.
    Read(FileId),
    /// It writes to a file.
    Write(FileId, Vec<u8>),
    /// It becomes another program, which runs in `netns` (`execvp(3)`); nothing comes after this.
    Exec {
        /// The namespace.
        netns: NetnsId,
        /// The command and its arguments.
        argv: Vec<String>,
    },
}

/// A signal that a program handles.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Signal {
    /// `SIGINT`, `SIGTERM`, `SIGHUP`: end, and say so as the real tool does.
    Interrupt,
    /// `SIGQUIT`: report.
    Quit,
}

impl World {
    /// Starts a command called `name` in `netns` and runs it until it waits or ends.
    pub fn spawn_program(
        &mut self,
        name: &'static str,
        netns: NetnsId,
        program: Box<dyn Program>,
    ) -> ProcId {
        let id = self.procs.insert(Process {
            name,
            netns,
            program: Some(program),
            state: Poll::WaitBounded,
            stopped: Stopped::No,
            output: VecDeque::new(),
            stdin: VecDeque::new(),
            stdin_closed: false,
            stdin_wanted: false,
            files: Vec::new(),
            signals: VecDeque::new(),
            sockets: Vec::new(),
            alarm: None,
        });
        self.runnable.push(id);
        self.run_programs();
        id
    }

    /// A running or ended program.
    #[must_use]
    pub fn process(&self, id: ProcId) -> Option<&Process> {
        self.procs.get(id)
    }

    /// A running or ended program.
    pub fn process_mut(&mut self, id: ProcId) -> Option<&mut Process> {
        self.procs.get_mut(id)
    }

    /// All programs, in the order in which they were started.
    pub fn processes(&self) -> impl Iterator<Item = (ProcId, &Process)> {
        self.procs.iter()
    }

    /// Gives a program input; `None` closes its standard input.
    pub fn feed(&mut self, id: ProcId, input: Option<&[u8]>) {
        let Some(process) = self.procs.get_mut(id) else { return };
        process.stdin_wanted = false;
        match input {
            Some(bytes) => process.stdin.extend(bytes),
            None => process.stdin_closed = true,
        }
        self.make_runnable(id);
        self.run_programs();
    }

    /// Tells a program what became of [`Output::Open`], [`Output::Read`] or [`Output::Write`].
    pub fn file_answer(&mut self, id: ProcId, file: FileId, answer: FileAnswer) {
        let open = self.procs.get_mut(id).and_then(|p| p.files.get_mut(file.0 as usize));
        let Some(open) = open else { return };
        open.asked = false;
        match answer {
            FileAnswer::Opened => open.state = FileState::Open,
            FileAnswer::Data(bytes) if bytes.is_empty() => open.at_end = true,
            FileAnswer::Data(bytes) => open.data.extend(bytes),
            FileAnswer::Failed(why) => open.state = FileState::Failed(why),
        }
        self.make_runnable(id);
        self.run_programs();
    }

    /// Sends a signal to a program.
    pub fn signal(&mut self, id: ProcId, signal: Signal) {
        let Some(process) = self.procs.get_mut(id) else { return };
        process.signals.push_back(signal);
        self.make_runnable(id);
        self.run_programs();
    }

    /// Stops a program (`SIGSTOP`): nothing calls it until it is resumed. Its sockets receive on.
    pub fn stop(&mut self, id: ProcId) {
        if let Some(process) = self.procs.get_mut(id).filter(|p| !p.is_stopped()) {
            process.stopped = Stopped::Yes;
        }
    }

    /// Lets a stopped program go on (`SIGCONT`).
    pub fn resume(&mut self, id: ProcId) {
        let Some(process) = self.procs.get_mut(id) else { return };
        if std::mem::replace(&mut process.stopped, Stopped::No) == Stopped::Called {
            self.make_runnable(id);
            self.run_programs();
        }
    }

    /// Removes a program with all it owns, as the kernel does when a process dies. A namespace without
    /// a name goes with the last program in it.
    pub fn reap(&mut self, id: ProcId) -> Option<Process> {
        self.release(id);
        let process = self.procs.remove(id)?;
        self.drop_netns_if_unused(process.netns);
        Some(process)
    }

    /// Runs a program once.
    pub(super) fn poll_program(&mut self, id: ProcId) {
        let Some(process) = self.procs.get_mut(id) else { return };
        if process.is_stopped() {
            process.stopped = Stopped::Called;
            return;
        }
        let Some(mut program) = process.program.take() else { return };
        let state = program.poll(&mut Sys::new(self, id));
        if let Poll::Exit(_) = state {
            self.release(id);
        }
        if let Some(process) = self.procs.get_mut(id) {
            process.state = state;
            if !matches!(state, Poll::Exit(_)) {
                process.program = Some(program);
            }
        }
    }

    /// Closes what a program has open.
    fn release(&mut self, id: ProcId) {
        let Some(process) = self.procs.get_mut(id) else { return };
        let alarm = process.alarm.take();
        let sockets = std::mem::take(&mut process.sockets);
        self.kernel.rtnl.close(id);
        self.kernel.nfnl.close(id);
        self.name_watches.retain(|watch| watch.owner != id);
        if let Some(alarm) = alarm {
            self.kernel.timers.disarm(alarm);
        }
        for socket in sockets.into_iter().flatten() {
            self.release_socket(socket);
        }
    }
}
