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

/// A running program and what belongs to it.
#[derive(Clone, Debug)]
pub struct Process {
    /// The namespace it runs in.
    pub netns: NetnsId,
    /// Its code and state; taken out while it runs.
    program: Option<Box<dyn Program>>,
    /// What it last said.
    pub state: Poll,
    /// What it has written and nobody has read yet, oldest first.
    pub output: VecDeque<Output>,
    pub(crate) stdin: VecDeque<u8>,
    pub(crate) stdin_closed: bool,
    pub(crate) signals: VecDeque<Signal>,
    pub(crate) sockets: Vec<SocketId>,
    pub(crate) alarm: Option<TimerId>,
}

/// A piece of output.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Output {
    /// On standard output.
    Stdout(Vec<u8>),
    /// On standard error.
    Stderr(Vec<u8>),
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
    /// Starts `program` in `netns` and runs it until it waits or ends.
    pub fn spawn_program(&mut self, netns: NetnsId, program: Box<dyn Program>) -> ProcId {
        let id = self.procs.insert(Process {
            netns,
            program: Some(program),
            state: Poll::WaitBounded,
            output: VecDeque::new(),
            stdin: VecDeque::new(),
            stdin_closed: false,
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
        match input {
            Some(bytes) => process.stdin.extend(bytes),
            None => process.stdin_closed = true,
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

    /// Removes a program with all it owns, as the kernel does when a process dies.
    pub fn reap(&mut self, id: ProcId) -> Option<Process> {
        self.release(id);
        self.procs.remove(id)
    }

    /// Runs a program once.
    pub(super) fn poll_program(&mut self, id: ProcId) {
        let Some(mut program) = self.procs.get_mut(id).and_then(|p| p.program.take()) else {
            return;
        };
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
        if let Some(alarm) = alarm {
            self.kernel.timers.disarm(alarm);
        }
        for socket in sockets {
            self.close_socket(socket);
        }
    }
}
