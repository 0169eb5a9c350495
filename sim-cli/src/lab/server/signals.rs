//! The signals that the server takes.

use std::io::{ErrorKind, Read as _};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::{flag, low_level};

/// Takes signals and tells of them at a file descriptor.
///
/// `SIGINT` and `SIGQUIT` are for the foreground job of the shell; the server outlives them. It takes
/// them instead of ignoring them because what is ignored stays ignored in the shell.
#[derive(Debug)]
pub(super) struct Signals {
    wake: UnixStream,
    ending: Arc<AtomicUsize>,
}

impl Signals {
    /// Starts to take signals.
    pub(super) fn new() -> std::io::Result<Self> {
        let (wake, notify) = UnixStream::pair()?;
        wake.set_nonblocking(true)?;
        let ending = Arc::new(AtomicUsize::new(0));
        let taken = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGQUIT] {
            flag::register(signal, Arc::clone(&taken))?;
        }
        for signal in [SIGTERM, SIGHUP] {
            let number = usize::try_from(signal).unwrap_or_default();
            flag::register_usize(signal, Arc::clone(&ending), number)?;
        }
        for signal in [SIGCHLD, SIGTERM, SIGHUP] {
            low_level::pipe::register(signal, notify.try_clone()?)?;
        }
        Ok(Self { wake, ending })
    }

    /// Forgets that it was woken; what it was woken for is then looked up.
    pub(super) fn clear(&mut self) -> bool {
        let mut piece = [0; 64];
        let mut woken = false;
        loop {
            match self.wake.read(&mut piece) {
                Ok(1..) => woken = true,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Ok(0) | Err(_) => return woken,
            }
        }
    }

    /// The signal that told the server to end, if one did.
    pub(super) fn ending(&self) -> Option<u8> {
        u8::try_from(self.ending.load(Ordering::Relaxed)).ok().filter(|n| *n != 0)
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.wake.as_fd()
    }
}
