//! What a program can ask of the kernel: its system calls.

use std::collections::VecDeque;

use crate::id::{NetnsId, ProcId, SocketId};
use crate::kernel::Timer;
use crate::kernel::nfnl::{self, ConntrackChange};
use crate::kernel::rtnl::{Group, Heard};
use crate::netlink::{NetlinkError, Request};
use crate::rng::Stream;
use crate::time::SimTime;
use crate::world::namespaces::{NameChange, NameWatch};
use crate::world::process::{FileId, FileState, OpenFile, OpenMode, Output, Signal, Stdin};
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

    pub(super) fn process(&mut self) -> &mut Process {
        &mut self.world.procs[self.proc]
    }

    /// The virtual time.
    #[must_use]
    pub fn now(&self) -> SimTime {
        self.world.now()
    }

    /// The random stream called `name`.
    pub fn random(&mut self, name: &'static str) -> &mut Stream {
        self.world.kernel.rng.stream(name)
    }

    /// The namespace the program runs in.
    #[must_use]
    pub fn netns(&self) -> NetnsId {
        self.world.procs[self.proc].netns
    }

    /// Goes over to another namespace (`setns(2)`).
    pub fn setns(&mut self, netns: NetnsId) {
        self.process().netns = netns;
    }

    /// Listens to what the kernel announces in a namespace (`bind(2)` on a netlink socket).
    pub fn subscribe(&mut self, netns: NetnsId, groups: &[Group]) {
        self.world.kernel.rtnl.listen(self.proc, netns, groups);
    }

    /// Takes what has been announced since the last time (`recvmsg(2)`).
    pub fn take_news(&mut self) -> Heard {
        self.world.kernel.rtnl.take(self.proc)
    }

    /// Listens to what happens to the connections of the program's namespace, with room for `room` bytes.
    pub fn subscribe_conntrack(&mut self, changes: &[ConntrackChange], room: usize) {
        let netns = self.netns();
        self.world.kernel.nfnl.listen(self.proc, netns, changes, room);
    }

    /// Takes what has happened to connections since the last time (`recvmsg(2)`).
    pub fn take_conntrack_news(&mut self) -> nfnl::Heard {
        self.world.kernel.nfnl.take(self.proc)
    }

    /// Makes a change in the program's namespace (`sendmsg(2)` on a netlink socket).
    ///
    /// # Errors
    /// The kernel's refusal; then nothing has changed.
    pub fn request(&mut self, request: &Request) -> Result<(), NetlinkError> {
        let netns = self.netns();
        self.world.kernel.nfnl.asking = Some(self.proc);
        let answer = self.world.request(netns, request);
        self.world.kernel.nfnl.asking = None;
        answer
    }

    /// Watches the names of namespaces (`inotify_add_watch(2)`).
    pub fn watch_netns_names(&mut self) {
        self.world.name_watches.push(NameWatch { owner: self.proc, changes: Vec::new() });
    }

    /// Takes what has happened to the names of namespaces since the last time.
    pub fn take_name_changes(&mut self) -> Vec<NameChange> {
        let own = self.world.name_watches.iter_mut().filter(|watch| watch.owner == self.proc);
        own.flat_map(|watch| std::mem::take(&mut watch.changes)).collect()
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
            process.stdin_wanted = true;
            Stdin::Empty
        }
    }

    /// Opens a file of the user's. The answer comes later: see [`file_state`](Self::file_state).
    pub fn open(&mut self, path: &str, mode: OpenMode) -> FileId {
        let process = self.process();
        let file = FileId(u32::try_from(process.files.len()).expect("fewer than 2^32 files"));
        process.files.push(OpenFile {
            state: FileState::Opening,
            data: VecDeque::new(),
            at_end: false,
            asked: false,
        });
        process.output.push_back(Output::Open { file, path: path.to_owned(), mode });
        file
    }

    /// How far the opening of `file` has come, and whether anything failed since.
    #[must_use]
    pub fn file_state(&self, file: FileId) -> FileState {
        self.world.procs[self.proc].files[file.0 as usize].state.clone()
    }

    /// Takes what has been read of a file so far; asks for more if that is nothing.
    pub fn read_file(&mut self, file: FileId) -> Stdin {
        let process = self.process();
        let open = &mut process.files[file.0 as usize];
        if !open.data.is_empty() {
            return Stdin::Data(open.data.drain(..).collect());
        }
        if open.at_end || matches!(open.state, FileState::Failed(_)) {
            return Stdin::Eof;
        }
        if !open.asked {
            open.asked = true;
            process.output.push_back(Output::Read(file));
        }
        Stdin::Empty
    }

    /// Writes to a file that was opened with [`OpenMode::Create`].
    pub fn write_file(&mut self, file: FileId, bytes: impl AsRef<[u8]>) {
        self.process().output.push_back(Output::Write(file, bytes.as_ref().to_vec()));
    }

    /// Becomes another program, one of the user's machine, that runs in `netns`. The caller exits
    /// right after; whoever runs the world takes it from there.
    pub fn exec(&mut self, netns: NetnsId, argv: Vec<String>) {
        self.process().output.push_back(Output::Exec { netns, argv });
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
            let slots = &mut self.process().sockets;
            match slots.iter_mut().find(|slot| slot.is_none()) {
                Some(slot) => *slot = Some(socket),
                None => slots.push(Some(socket)),
            }
        }
    }
}
