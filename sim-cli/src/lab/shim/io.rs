//! The standard streams of a shim, and how it dies.

use std::os::fd::BorrowedFd;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;
use nix::unistd;
use signal_hook::low_level::emulate_default_handler;

/// Reads one piece of at most `most` bytes; nothing at the end of the input.
pub(super) fn read(fd: BorrowedFd<'_>, most: usize) -> nix::Result<Vec<u8>> {
    let mut bytes = vec![0; most];
    let count = loop {
        match unistd::read(fd, &mut bytes) {
            Err(Errno::EINTR) => {}
            Err(Errno::EAGAIN) => wait(fd, PollFlags::POLLIN),
            other => break other?,
        }
    };
    bytes.truncate(count);
    Ok(bytes)
}

/// Writes all of `bytes`. When nobody reads any more, the process dies of `SIGPIPE`, as one does that
/// does not know that signal.
pub(super) fn write_or_die(fd: BorrowedFd<'_>, mut bytes: &[u8]) -> std::io::Result<()> {
    while !bytes.is_empty() {
        match unistd::write(fd, bytes) {
            Ok(written) => bytes = &bytes[written..],
            Err(Errno::EINTR) => {}
            Err(Errno::EAGAIN) => wait(fd, PollFlags::POLLOUT),
            Err(Errno::EPIPE) => die_of(Signal::SIGPIPE),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Writes to standard error; if that fails, there is nobody to tell.
pub(super) fn complain(text: &str) {
    let _unheard = unistd::write(std::io::stderr(), text.as_bytes());
}

/// Dies of `signal`, whatever is done about it now.
pub(super) fn die_of(signal: Signal) -> ! {
    let number = signal as i32;
    // It does not return where the signal's default is death; should it fail, exiting comes close.
    let _survived = emulate_default_handler(number);
    std::process::exit(128 + number)
}

fn wait(fd: BorrowedFd<'_>, events: PollFlags) {
    let _count = poll(&mut [PollFd::new(fd, events)], PollTimeout::NONE);
}
