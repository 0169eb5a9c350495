//! The real kernel's side: builds a scene in private namespaces and counts datagrams.

use std::fs::{self, File};
use std::io::{self, IoSlice, Write as _};
use std::net::{SocketAddrV4, UdpSocket};
use std::os::fd::{AsRawFd as _, OwnedFd, RawFd};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sched::{CloneFlags, setns};
use nix::sys::socket::{
    AddressFamily, MsgFlags, MultiHeaders, SockFlag, SockProtocol, SockType, SockaddrIn, connect,
    sendmmsg, socket,
};
use nix::unistd::{geteuid, write};
use sim_cli::kernel::sandbox;

use crate::fresh::{Fresh, LEN};
use crate::path::PAYLOAD;
use crate::rules::NETNS;
use crate::scene::{Scene, Traffic};

/// How many datagrams one system call hands over, so that its own cost hardly counts.
const BATCH: usize = 64;
/// How many flows are begun at most: a table of connections that is full throws others out.
pub const MOST_FLOWS: u64 = 100_000;

/// Measures how many datagrams a second one CPU of this machine's kernel carries in `scene`, from the
/// sending socket to the receiving one. The calling process is left inside its private namespaces.
///
/// # Errors
/// When namespaces cannot be made, a command of the setup fails, or datagrams do not arrive.
pub fn datagrams_per_second(scene: &Scene, lasting: Duration) -> io::Result<u64> {
    if scene.rules.is_some() && !geteuid().is_root() {
        return Err(io::Error::other("only root may load rules into the kernel"));
    }
    sandbox::enter()?;
    if let Some(cpu) = sandbox::cpus()?.last() {
        sandbox::pin(*cpu)?;
    }
    for command in scene.path.setup {
        shell(command, "")?;
    }
    if let Some(rules) = &scene.rules {
        shell(&format!("ip netns exec {NETNS} iptables-restore"), rules)?;
    }
    enter(scene.path.to.0)?;
    let receivers = scene.at.iter().map(UdpSocket::bind).collect::<io::Result<Vec<UdpSocket>>>()?;
    receivers.iter().try_for_each(|receiver| receiver.set_nonblocking(true))?;
    enter(scene.path.from.0)?;
    match scene.traffic {
        Traffic::OneFlow => {
            let sender = UdpSocket::bind(scene.from())?;
            sender.connect(scene.to)?;
            await_path(&receivers, || sender.send(PAYLOAD).map(drop))?;
            one_flow(sender.as_raw_fd(), lasting)
        }
        Traffic::FirstPackets => {
            check_room()?;
            let sender = raw_socket(scene.to)?;
            let mut fresh = Fresh::new(scene.to);
            await_path(&receivers, || Ok(write(&sender, fresh.packet()).map(drop)?))?;
            first_packets(&sender, fresh, lasting)
        }
    }
}

fn shell(command: &str, input: &str) -> io::Result<()> {
    let mut child = Command::new("sh").args(["-c", command]).stdin(Stdio::piped()).spawn()?;
    if let Some(mut stdin) = child.stdin.take()
        && !input.is_empty()
    {
        stdin.write_all(input.as_bytes())?;
    }
    let status = child.wait()?;
    if status.success() { Ok(()) } else { Err(io::Error::other(format!("{command}: {status}"))) }
}

fn enter(netns: &str) -> io::Result<()> {
    Ok(setns(File::open(format!("/run/netns/{netns}"))?, CloneFlags::CLONE_NEWNET)?)
}

fn raw_socket(to: SocketAddrV4) -> io::Result<OwnedFd> {
    let (family, flags) = (AddressFamily::Inet, SockFlag::SOCK_CLOEXEC);
    let socket = socket(family, SockType::Raw, flags, SockProtocol::Raw)?;
    connect(socket.as_raw_fd(), &SockaddrIn::from(to))?;
    Ok(socket)
}

/// Whether the kernel's table of connections is large enough.
fn check_room() -> io::Result<()> {
    let path = "/proc/sys/net/netfilter/nf_conntrack_max";
    let text =
        fs::read_to_string(path).map_err(|error| io::Error::other(format!("{path}: {error}")))?;
    let max = text.trim().parse::<u64>().unwrap_or(0);
    if max < MOST_FLOWS + MOST_FLOWS / 10 {
        return Err(io::Error::other(format!(
            "{path} is {max}; more than {MOST_FLOWS} are needed"
        )));
    }
    Ok(())
}

/// Waits until links are up and bridges forward, which takes the kernel up to a second or two, and
/// until a datagram has gone each way, so that bridges know both stations.
fn await_path(receivers: &[UdpSocket], mut send: impl FnMut() -> io::Result<()>) -> io::Result<()> {
    let mut buffer = [0; 64];
    for _ in 0..100 {
        send()?;
        thread::sleep(Duration::from_millis(20));
        for receiver in receivers {
            if let Ok((_, from)) = receiver.recv_from(&mut buffer) {
                // Senders that nobody hears can be answered all the same.
                receiver.send_to(PAYLOAD, from)?;
                return Ok(());
            }
        }
    }
    Err(io::Error::other("datagrams do not arrive"))
}

/// Sends as fast as possible. The receiver does not read: once its queue is full the kernel drops each
/// datagram at the socket, at the very end of its path.
fn one_flow(sender: RawFd, lasting: Duration) -> io::Result<u64> {
    let pieces = [IoSlice::new(PAYLOAD)];
    let slices = vec![&pieces; BATCH];
    let mut batch = Batch::default();
    let begun = Instant::now();
    let mut sent = 0_u64;
    while begun.elapsed() < lasting {
        for _ in 0..8 {
            sent += batch.send(sender, slices.iter().copied())?;
        }
    }
    Ok(rate(sent, begun.elapsed()))
}

/// Begins a flow with each datagram.
fn first_packets(sender: &OwnedFd, mut fresh: Fresh, lasting: Duration) -> io::Result<u64> {
    let mut packets = vec![[0; LEN]; BATCH];
    let mut batch = Batch::default();
    let begun = Instant::now();
    let mut sent = 0_u64;
    while begun.elapsed() < lasting && sent < MOST_FLOWS {
        packets.iter_mut().for_each(|packet| *packet = *fresh.packet());
        let slices: Vec<[IoSlice<'_>; 1]> = packets.iter().map(|p| [IoSlice::new(p)]).collect();
        sent += batch.send(sender.as_raw_fd(), slices.iter())?;
    }
    Ok(rate(sent, begun.elapsed()))
}

/// What a batch of datagrams is handed over in.
struct Batch {
    headers: MultiHeaders<SockaddrIn>,
    addrs: Vec<Option<SockaddrIn>>,
}

impl Default for Batch {
    fn default() -> Self {
        Self { headers: MultiHeaders::preallocate(BATCH, None), addrs: vec![None; BATCH] }
    }
}

impl Batch {
    /// Sends the datagrams; how many the kernel took.
    fn send<'b>(
        &'b mut self,
        sender: RawFd,
        slices: impl IntoIterator<Item = &'b [IoSlice<'b>; 1]>,
    ) -> io::Result<u64> {
        let flags = MsgFlags::empty();
        let sent = sendmmsg(sender, &mut self.headers, slices, &self.addrs, [], flags)?;
        Ok(sent.count() as u64)
    }
}

/// How many a second, if it is `count` in this time.
#[must_use]
pub fn rate(count: u64, elapsed: Duration) -> u64 {
    let nanos = elapsed.as_nanos().max(1);
    u64::try_from(u128::from(count) * 1_000_000_000 / nanos).unwrap_or(u64::MAX)
}
