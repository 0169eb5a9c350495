//! What a program can ask of the kernel: its system calls.

use crate::id::{NetnsId, ProcId, SocketId};
use crate::kernel::Timer;
use crate::time::SimTime;
use crate::world::process::{Output, Signal, Stdin};
use crate::world::{Process, World};

/// The system call interface of one running program.
#[derive(Debug)]
pub struct Sys<'w> {
    /// The world, for what needs no right: names, tables, the kernel's state.
    pub world: &'w mut World,
    /// The calling program.
    pub proc: ProcId,
}

impl<'w> Sys<'w> {
    pub(super) fn new(world: &'w mut World, proc: ProcId) -> Self {
        Self { world, proc }
    }

    fn process(&mut self) -> &mut Process {
        &mut self.world.procs[self.proc]
    }

    /// The virtual time.
    #[must_use]
    pub fn now(&self) -> SimTime {
        self.world.now()
    }

    /// The namespace the program runs in.
    #[must_use]
    pub fn netns(&self) -> NetnsId {
        self.world.procs[self.proc].netns
    }

    /// Writes to standard output.
    pub fn stdout(&mut self, bytes: impl AsRef<[u8]>) {
        let bytes = bytes.as_ref();
        let output = &mut self.process().output;
        if let Some(Output::Stdout(last)) = output.back_mut() {
            last.extend_from_slice(bytes);
        } else {
            output.push_back(Output::Stdout(bytes.to_vec()));
        }
    }

    /// Writes to standard error.
    pub fn stderr(&mut self, bytes: impl AsRef<[u8]>) {
        let bytes = bytes.as_ref();
        let output = &mut self.process().output;
        if let Some(Output::Stderr(last)) = output.back_mut() {
            last.extend_from_slice(bytes);
        } else {
            output.push_back(Output::Stderr(bytes.to_vec()));
        }
    }

    /// Takes all input that is there.
    pub fn read_stdin(&mut self) -> Stdin {
        let process = self.process();
        if !process.stdin.is_empty() {
            Stdin::Data(process.stdin.drain(..).collect())
        } else if process.stdin_closed {
            Stdin::Eof
        } else {
            Stdin::Empty
        }
    }

    /// Takes the oldest signal that was sent.
    pub fn take_signal(&mut self) -> Option<Signal> {
        self.process().signals.pop_front()
    }

    /// Asks to be called at `at`; replaces the alarm set before. `None` only removes it.
    pub fn set_alarm(&mut self, at: Option<SimTime>) {
        let proc = self.proc;
        if let Some(old) = self.process().alarm.take() {
            self.world.kernel.timers.disarm(old);
        }
        if let Some(at) = at {
            let alarm = self.world.kernel.timers.arm(at, Timer::Program(proc));
            self.process().alarm = Some(alarm);
        }
    }

    /// Notes that the program owns `socket`: it is called when the socket changes, and the socket is
    /// closed when the program ends.
    pub fn own(&mut self, socket: SocketId) {
        let proc = self.proc;
        if let Some(s) = self.world.kernel.sockets.get_mut(socket) {
            s.owner = Some(proc);
            self.process().sockets.push(socket);
        }
    }
}
