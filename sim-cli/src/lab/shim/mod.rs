//! The program under a tool's name: a limb of the lab's server in the user's process.

mod files;
mod io;
mod signals;

use std::ffi::OsString;
use std::fmt;
use std::io::{IsTerminal as _, Read as _, Write as _};
use std::os::fd::{AsFd as _, BorrowedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Command;

use nix::fcntl::{FcntlArg, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal as Sig;
use sim_core::tools::Tool;
use sim_core::world::Signal;

use self::files::Files;
use self::signals::Signals;
use super::names::{self, Shim};
use super::protocol::{Decoder, Exec, Hello, MAX_FRAME, PIECE, ToServer, ToShim, VERSION};
use crate::error::{ErrorKind, reason};

/// The exit status of `ip netns exec` when there is no such command.
const EXEC_FAILED: u8 = 1;

/// The lowest number of a connection that a command inherits.
const INHERITED: RawFd = 100;

/// Runs the program as the shim called `name`, if there is such a one: `args` are the words after it.
/// Returns the exit status.
#[must_use]
pub fn run(name: &str, args: &[OsString]) -> Option<u8> {
    let outcome = match names::shim(name)? {
        Shim::Tool(tool) => Session::start(tool, args).and_then(Session::run),
        Shim::Sudo => sudo(args),
    };
    Some(outcome.unwrap_or_else(|trouble| {
        io::complain(&format!("{name}: {trouble}\n"));
        trouble.exit_status()
    }))
}

/// Why a shim cannot do its work.
#[derive(Debug)]
enum Trouble {
    /// It was not called inside a lab.
    NoLab,
    /// The server is gone or cannot be reached.
    LabIsGone,
    /// The server does not want it.
    Refused(String),
    /// A word of the command is no UTF-8.
    NotText(OsString),
    /// The command is longer than a message.
    TooLong,
    /// A use of `sudo` that would need the real one.
    Sudo(String),
    /// Something of this process's own.
    Machine(std::io::Error),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoLab => f.write_str("this is kubewire's, and works inside `kubewire lab` only"),
            Self::LabIsGone => f.write_str("the lab is gone"),
            Self::Refused(why) => write!(f, "the lab refuses: {why}"),
            Self::NotText(word) => write!(f, "{}: not valid UTF-8", word.display()),
            Self::TooLong => f.write_str("the command line is too long"),
            Self::Sudo(what) => f.write_str(what),
            Self::Machine(error) => f.write_str(&reason(error)),
        }
    }
}

impl Trouble {
    fn exit_status(&self) -> u8 {
        match self {
            Self::Refused(_) => ErrorKind::Internal.exit_status(),
            Self::NoLab | Self::LabIsGone | Self::Machine(_) => ErrorKind::Machine.exit_status(),
            Self::NotText(_) | Self::TooLong => ErrorKind::User.exit_status(),
            Self::Sudo(_) => 1,
        }
    }
}

impl From<std::io::Error> for Trouble {
    fn from(error: std::io::Error) -> Self {
        Self::Machine(error)
    }
}

/// The connection to the server, and what it has asked for.
#[derive(Debug)]
struct Session {
    server: UnixStream,
    decoder: Decoder,
    signals: Signals,
    files: Files,
    /// Whether the server waits for a piece of standard input.
    reads_stdin: bool,
}

impl Session {
    fn start(tool: &Tool, args: &[OsString]) -> Result<Self, Trouble> {
        let lab = PathBuf::from(std::env::var_os(names::LAB).ok_or(Trouble::NoLab)?);
        let signals = Signals::new(tool.catches)?;
        let hello = ToServer::Hello(hello(tool.name, args)?).frame();
        if hello.len() <= 4 || hello.len() > MAX_FRAME {
            return Err(Trouble::TooLong);
        }
        let server =
            UnixStream::connect(lab.join(names::SOCKET)).map_err(|_| Trouble::LabIsGone)?;
        let mut session = Self {
            server,
            decoder: Decoder::default(),
            signals,
            files: Files::default(),
            reads_stdin: false,
        };
        session.server.write_all(&hello).map_err(|_| Trouble::LabIsGone)?;
        Ok(session)
    }

    /// Does what the server asks until it says how to end.
    fn run(mut self) -> Result<u8, Trouble> {
        loop {
            while let Some(message) = self.next_message()? {
                if let Some(status) = self.obey(message)? {
                    return Ok(status);
                }
            }
            self.wait()?;
        }
    }

    fn next_message(&mut self) -> Result<Option<ToShim>, Trouble> {
        match self.decoder.next_frame() {
            Ok(None) => Ok(None),
            Ok(Some((kind, content))) => ToShim::parse(kind, content).map(Some),
            Err(error) => Err(error),
        }
        .map_err(|error| Trouble::Refused(error.to_string()))
    }

    /// Waits for the server, a signal, or input if it is wanted, and passes on what came.
    fn wait(&mut self) -> Result<(), Trouble> {
        let stdin = std::io::stdin();
        let (server, signals, input) = {
            let mut fds = vec![
                PollFd::new(self.server.as_fd(), PollFlags::POLLIN),
                PollFd::new(self.signals.interrupts(), PollFlags::POLLIN),
                PollFd::new(self.signals.quits(), PollFlags::POLLIN),
            ];
            if self.reads_stdin {
                fds.push(PollFd::new(stdin.as_fd(), PollFlags::POLLIN));
            }
            // An interruption is a signal, of which the next round hears.
            let _count = poll(&mut fds, PollTimeout::NONE);
            let ready = |n: usize| {
                fds.get(n).and_then(PollFd::revents).is_some_and(|events| !events.is_empty())
            };
            (ready(0), ready(1) || ready(2), ready(3))
        };
        if signals {
            self.pass_signals()?;
        }
        if input {
            self.reads_stdin = false;
            let bytes = io::read(stdin.as_fd(), PIECE).unwrap_or_default();
            self.tell(&ToServer::Stdin(bytes))?;
        }
        if server { self.receive() } else { Ok(()) }
    }

    fn pass_signals(&mut self) -> Result<(), Trouble> {
        if self.signals.take_interrupt() {
            self.tell(&ToServer::Signal(Signal::Interrupt))?;
        }
        if self.signals.take_quit() {
            self.tell(&ToServer::Signal(Signal::Quit))?;
        }
        Ok(())
    }

    fn receive(&mut self) -> Result<(), Trouble> {
        let mut piece = [0; PIECE];
        match self.server.read(&mut piece) {
            Ok(0) => Err(Trouble::LabIsGone),
            Ok(n) => {
                self.decoder.push(&piece[..n]);
                Ok(())
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => Ok(()),
            Err(_) => Err(Trouble::LabIsGone),
        }
    }

    fn tell(&mut self, message: &ToServer) -> Result<(), Trouble> {
        // A server that has already said its last word does not listen; that word is still to be read.
        match self.server.write_all(&message.frame()) {
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(Trouble::LabIsGone),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Does one thing that the server asks for; gives the exit status if that was the last one.
    fn obey(&mut self, message: ToShim) -> Result<Option<u8>, Trouble> {
        match message {
            ToShim::Stdout(bytes) => io::write_or_die(std::io::stdout().as_fd(), &bytes)?,
            ToShim::Stderr(bytes) => io::write_or_die(std::io::stderr().as_fd(), &bytes)?,
            ToShim::ReadStdin => self.reads_stdin = true,
            ToShim::Open(file, mode, path) => {
                let answer = self.files.open(file, mode, &path);
                self.tell(&ToServer::File(file, answer))?;
            }
            ToShim::Read(file) => {
                let answer = self.files.read(file);
                self.tell(&ToServer::File(file, answer))?;
            }
            ToShim::Write(file, bytes) => {
                if let Some(answer) = self.files.write(file, &bytes) {
                    self.tell(&ToServer::File(file, answer))?;
                }
            }
            ToShim::Exec(exec) => {
                keep_open(self.server.as_fd());
                return Ok(Some(become_another(&exec)));
            }
            ToShim::Exit(status) => return Ok(Some(status)),
            ToShim::Ended => io::die_of(Sig::SIGHUP),
            ToShim::Refused(why) => return Err(Trouble::Refused(why)),
        }
        Ok(None)
    }
}

fn hello(name: &str, args: &[OsString]) -> Result<Hello, Trouble> {
    let text = |word: OsString| word.into_string().map_err(Trouble::NotText);
    let mut argv = vec![name.to_owned()];
    for word in args {
        argv.push(text(word.clone())?);
    }
    let to_terminal = std::io::stdout().is_terminal();
    let size = terminal_size::terminal_size_of(std::io::stdout());
    Ok(Hello {
        version: VERSION,
        argv,
        netns: std::env::var_os(names::NETNS).map(text).transpose()?,
        to_terminal,
        columns: size.map(|(width, _)| width.0),
    })
}

/// Lets the command that this process becomes inherit the connection, and all that it starts. As long as
/// one of them lives, the server sees the connection open and keeps their namespace. Its number is high
/// because scripts use the low ones. If that is impossible, the namespace goes with its name.
fn keep_open(connection: BorrowedFd<'_>) {
    let _number = fcntl(connection, FcntlArg::F_DUPFD(INHERITED));
}

/// Replaces this process by a command of the user's in another namespace of the world. Returns only if
/// that fails.
fn become_another(exec: &Exec) -> u8 {
    let Some((program, args)) = exec.argv.split_first() else { return EXEC_FAILED };
    let error = Command::new(program).args(args).env(names::NETNS, &exec.netns).exec();
    io::complain(&format!("exec of \"{program}\" failed: {}\n", reason(&error)));
    EXEC_FAILED
}

/// `sudo`: in the lab nobody needs rights, so the command runs as it stands. Options that only say how
/// to ask for a password or what to keep of the environment change nothing.
fn sudo(args: &[OsString]) -> Result<u8, Trouble> {
    std::env::var_os(names::LAB).ok_or(Trouble::NoLab)?;
    let mut words = args.iter().peekable();
    while let Some(word) = words.next_if(|word| word.as_encoded_bytes().starts_with(b"-")) {
        match word.to_str() {
            Some("--") => break,
            Some(
                "-E" | "-H" | "-n" | "-S" | "--preserve-env" | "--set-home" | "--non-interactive",
            ) => {}
            _ => {
                let option = word.display();
                return Err(Trouble::Sudo(format!("{option} is not modelled in the lab")));
            }
        }
    }
    let Some(program) = words.next() else {
        return Err(Trouble::Sudo("there is no command to run".into()));
    };
    let error = Command::new(program).args(words).exec();
    if error.kind() != std::io::ErrorKind::NotFound {
        return Err(Trouble::Machine(error));
    }
    io::complain(&format!("sudo: {}: command not found\n", program.display()));
    Ok(1)
}
