//! The real kernel's side: builds a path in private namespaces and counts datagrams.

use std::fs::File;
use std::io::{self, IoSlice};
use std::net::{SocketAddrV4, UdpSocket};
use std::os::fd::AsRawFd as _;
use std::process::Command;
use std::time::{Duration, Instant};

use nix::sched::{CloneFlags, setns};
use nix::sys::socket::{MsgFlags, MultiHeaders, SockaddrIn, sendmmsg};
use sim_cli::kernel::sandbox;

use crate::path::{PAYLOAD, PORT, Path, SOURCE_PORT};

/// How many datagrams one system call hands over, so that its own cost hardly counts.
const BATCH: usize = 64;

/// Measures how many datagrams a second one CPU of this machine's kernel carries over `path`, from the
/// sending socket to the receiving one. The calling process is left inside its private namespaces.
///
/// # Errors
/// When namespaces cannot be made, a command of the setup fails, or datagrams do not arrive.
pub fn datagrams_per_second(path: &Path, lasting: Duration) -> io::Result<u64> {
    sandbox::enter()?;
    if let Some(cpu) = sandbox::cpus()?.last() {
        sandbox::pin(*cpu)?;
    }
    for command in path.setup {
        let status = Command::new("sh").args(["-c", command]).status()?;
        if !status.success() {
            return Err(io::Error::other(format!("{command}: {status}")));
        }
    }
    let receiver = socket_in(path.to.0, SocketAddrV4::new(path.to.1, PORT))?;
    let sender = socket_in(path.from.0, SocketAddrV4::new(path.from.1, SOURCE_PORT))?;
    sender.connect(SocketAddrV4::new(path.to.1, PORT))?;
    await_path(&sender, &receiver)?;
    blast(&sender, lasting)
}

fn socket_in(netns: &str, addr: SocketAddrV4) -> io::Result<UdpSocket> {
    setns(File::open(format!("/run/netns/{netns}"))?, CloneFlags::CLONE_NEWNET)?;
    UdpSocket::bind(addr)
}

/// Waits until links are up and bridges forward, which takes the kernel up to a second or two, and
/// until a datagram has gone each way, so that bridges know both stations.
fn await_path(sender: &UdpSocket, receiver: &UdpSocket) -> io::Result<()> {
    receiver.set_read_timeout(Some(Duration::from_millis(50)))?;
    let mut buffer = [0; 64];
    for _ in 0..100 {
        sender.send(PAYLOAD)?;
        if let Ok((_, from)) = receiver.recv_from(&mut buffer) {
            receiver.send_to(PAYLOAD, from)?;
            return Ok(());
        }
    }
    Err(io::Error::other("datagrams do not arrive"))
}

/// Sends as fast as possible. The receiver does not read: once its queue is full the kernel drops each
/// datagram at the socket, at the very end of its path.
fn blast(sender: &UdpSocket, lasting: Duration) -> io::Result<u64> {
    let pieces = [IoSlice::new(PAYLOAD)];
    let slices = vec![&pieces; BATCH];
    let addrs: Vec<Option<SockaddrIn>> = vec![None; BATCH];
    let mut headers = MultiHeaders::preallocate(BATCH, None);
    let begun = Instant::now();
    let mut sent = 0_u64;
    while begun.elapsed() < lasting {
        for _ in 0..64 {
            let done = sendmmsg(
                sender.as_raw_fd(),
                &mut headers,
                slices.iter().copied(),
                &addrs,
                [],
                MsgFlags::empty(),
            )?;
            sent += done.count() as u64;
        }
    }
    let nanos = begun.elapsed().as_nanos().max(1);
    Ok(u64::try_from(u128::from(sent) * 1_000_000_000 / nanos).unwrap_or(u64::MAX))
}
