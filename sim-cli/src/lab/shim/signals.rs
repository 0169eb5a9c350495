//! The signals that a shim passes on to its program. All others do to it what they do to any process,
//! and the server notices its death.

use std::io::Read as _;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::net::UnixStream;

use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::low_level::pipe;
use sim_core::tools::Catches;

/// One pipe for each of the two things that a signal can mean to a program.
#[derive(Debug)]
pub(super) struct Signals {
    interrupts: UnixStream,
    quits: UnixStream,
    /// Keeps the pipes open when no signal writes to them.
    _writers: [UnixStream; 2],
}

impl Signals {
    /// Takes the signals that the tool handles.
    pub(super) fn new(catches: Catches) -> std::io::Result<Self> {
        let (interrupts, interrupted) = UnixStream::pair()?;
        let (quits, quit) = UnixStream::pair()?;
        interrupts.set_nonblocking(true)?;
        quits.set_nonblocking(true)?;
        let (interrupting, quitting): (&[i32], &[i32]) = match catches {
            Catches::Nothing => (&[], &[]),
            Catches::Interrupt => (&[SIGINT], &[]),
            Catches::InterruptAndQuit => (&[SIGINT], &[SIGQUIT]),
            Catches::Ending => (&[SIGINT, SIGTERM, SIGHUP], &[]),
        };
        for signal in interrupting {
            pipe::register(*signal, interrupted.try_clone()?)?;
        }
        for signal in quitting {
            pipe::register(*signal, quit.try_clone()?)?;
        }
        Ok(Self { interrupts, quits, _writers: [interrupted, quit] })
    }

    /// Where an interrupt announces itself.
    pub(super) fn interrupts(&self) -> BorrowedFd<'_> {
        self.interrupts.as_fd()
    }

    /// Where a `SIGQUIT` announces itself.
    pub(super) fn quits(&self) -> BorrowedFd<'_> {
        self.quits.as_fd()
    }

    /// Whether an interrupt came since the last time.
    pub(super) fn take_interrupt(&mut self) -> bool {
        self.interrupts.read(&mut [0; 64]).is_ok_and(|n| n > 0)
    }

    /// Whether a `SIGQUIT` came since the last time.
    pub(super) fn take_quit(&mut self) -> bool {
        self.quits.read(&mut [0; 64]).is_ok_and(|n| n > 0)
    }
}
