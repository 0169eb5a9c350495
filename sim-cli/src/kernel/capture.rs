//! Sees every frame of a namespace, and puts frames into a device.

use std::io::{self, IoSliceMut};
use std::os::fd::{AsRawFd as _, OwnedFd};

use nix::errno::Errno;
use nix::ifaddrs::getifaddrs;
use nix::sys::socket::{
    AddressFamily, ControlMessageOwned, LinkAddr, MsgFlags, SockFlag, SockProtocol, SockType,
    recvmsg, sendto, setsockopt, socket, sockopt,
};
use nix::sys::time::TimeSpec;

/// One packet socket on all devices of a namespace: the order in its queue is the kernel's order over
/// all devices and both directions.
pub(super) struct Capture {
    fd: OwnedFd,
    buffer: Vec<u8>,
}

/// A captured frame.
pub(super) struct Captured {
    pub(super) ifindex: usize,
    pub(super) pkttype: u8,
    /// Wall-clock time in microseconds.
    pub(super) t_us: i64,
    pub(super) frame: Vec<u8>,
}

impl Capture {
    /// Starts to capture in the current namespace.
    pub(super) fn start() -> io::Result<Self> {
        const QUEUE_BYTES: usize = 16 << 20;
        let fd = packet_socket(Some(SockProtocol::EthAll))?;
        if setsockopt(&fd, sockopt::RcvBufForce, &QUEUE_BYTES).is_err() {
            setsockopt(&fd, sockopt::RcvBuf, &QUEUE_BYTES)?;
        }
        setsockopt(&fd, sockopt::ReceiveTimestampns, &true)?;
        Ok(Self { fd, buffer: vec![0; 70_000] })
    }

    /// Takes all frames out of the queue.
    pub(super) fn drain(&mut self) -> io::Result<Vec<Captured>> {
        let mut frames = Vec::new();
        let mut control = nix::cmsg_space!(TimeSpec);
        loop {
            let mut iov = [IoSliceMut::new(&mut self.buffer)];
            let received = recvmsg::<LinkAddr>(
                self.fd.as_raw_fd(),
                &mut iov,
                Some(&mut control),
                MsgFlags::MSG_DONTWAIT,
            );
            let (length, address, t_us) = match received {
                Ok(message) => (message.bytes, message.address, time_of(&message)),
                Err(Errno::EAGAIN) => return Ok(frames),
                // A device went down: the queue goes on.
                Err(Errno::ENETDOWN) => continue,
                Err(error) => return Err(error.into()),
            };
            let address = address.ok_or_else(|| io::Error::other("a frame without an address"))?;
            frames.push(Captured {
                ifindex: address.ifindex(),
                pkttype: address.pkttype(),
                t_us,
                frame: self.buffer[..length].to_vec(),
            });
        }
    }
}

fn time_of(message: &nix::sys::socket::RecvMsg<'_, '_, LinkAddr>) -> i64 {
    let Ok(mut control) = message.cmsgs() else { return 0 };
    let time = control.find_map(|one| {
        let ControlMessageOwned::ScmTimestampns(time) = one else { return None };
        Some(time.tv_sec() * 1_000_000 + time.tv_nsec() / 1000)
    });
    time.unwrap_or(0)
}

fn packet_socket(protocol: Option<SockProtocol>) -> io::Result<OwnedFd> {
    Ok(socket(AddressFamily::Packet, SockType::Raw, SockFlag::SOCK_CLOEXEC, protocol)?)
}

/// Sends frames out of one device, and receives nothing.
pub(super) struct Injector {
    fd: OwnedFd,
    device: LinkAddr,
}

impl Injector {
    /// Opens the device `name` of the current namespace.
    pub(super) fn open(name: &str) -> io::Result<Self> {
        let device = getifaddrs()?
            .filter(|entry| entry.interface_name == name)
            .find_map(|entry| entry.address?.as_link_addr().copied())
            .ok_or_else(|| io::Error::other(format!("no device {name}")))?;
        Ok(Self { fd: packet_socket(None)?, device })
    }

    /// Puts a frame in. That the device behind refuses it, because it is too long, is one of the things that may
    /// happen.
    pub(super) fn send(&self, frame: &[u8]) -> io::Result<()> {
        match sendto(self.fd.as_raw_fd(), frame, &self.device, MsgFlags::empty()) {
            Ok(_) | Err(Errno::ENOBUFS) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }
}
