//! Frames into a network that has one of everything.

use std::fmt::Write as _;
use std::sync::LazyLock;

use sim_core::case::run::run;
use sim_core::case::{Case, normalise};
use sim_core::packet::checksum::{csum_tcpudp_magic, ip_compute_csum};
use sim_core::packet::{IpProto, Ipv4};

/// A bridge with two ports and a VXLAN device, an IPIP tunnel, and a macvlan device.
pub(super) const NETWORK: &str = include_str!("network.sh");

/// What is there beside the network: sockets, and packets that pass on.
const SOCKETS: &str = "\
0 n - sh sysctl -qw net.ipv4.ip_forward=1
0 n - udp-echo 10.0.2.1 7
0 n - tcp-listen 10.0.2.1 80
0 n - udp-echo 10.0.3.2 7
";
/// The devices that receive, and their addresses.
const DEVICES: [(&str, [u8; 6]); 3] =
    [("p1", [2, 0, 0, 0, 1, 1]), ("s0", [2, 0, 0, 0, 2, 1]), ("v", [2, 0, 0, 0, 3, 1])];
/// More than that would only take longer.
const MOST_FRAMES: usize = 16;

static LINES: LazyLock<String> = LazyLock::new(|| format!("@quiet 2500\n{SOCKETS}"));

/// Has a network receive frames, looks at it, and makes that comparable. An input is a list of frames, each
/// with a byte that says where and how ([`frame_input`]), and its length in two bytes.
///
/// # Panics
/// If the network cannot be built.
pub fn frames(input: &[u8]) {
    let mut packets = LINES.clone();
    let mut rest = input;
    for n in 0..MOST_FRAMES {
        let Some((&[how, high, low], after)) = rest.split_first_chunk() else { break };
        let len = usize::from(u16::from_be_bytes([high, low])).min(after.len());
        let (frame, after) = after.split_at(len);
        rest = after;
        if frame.len() < 14 {
            // No wire carries it.
            continue;
        }
        let (dev, _) = DEVICES[usize::from(how) % DEVICES.len()];
        let frame = if how & 0x80 == 0 { frame.to_vec() } else { repaired(how, frame) };
        let _written = write!(packets, "{} n {dev} tx ", 10 + n * 20);
        for byte in frame {
            let _written = write!(packets, "{byte:02x}");
        }
        packets.push('\n');
    }
    let case = Case::parse("frames", NETWORK, &packets).expect("the lines are written here");
    let observed = run(&case, 1).expect("the network can be built");
    drop(normalise(&observed, &case));
}

/// An input of one frame for the device with this number; one that is to be repaired gets its device's
/// address, the right lengths and checksums.
#[must_use]
pub fn frame_input(dev: u8, repair: bool, frame: &[u8]) -> Vec<u8> {
    let how = dev % 3 + if repair { 0x81 } else { 0 };
    let len = u16::try_from(frame.len()).unwrap_or(u16::MAX);
    let [high, low] = len.to_be_bytes();
    let mut input = vec![how, high, low];
    input.extend(frame.get(..usize::from(len)).unwrap_or(frame));
    input
}

/// Makes a frame one that is not dropped at once.
fn repaired(how: u8, frame: &[u8]) -> Vec<u8> {
    let mut frame = frame.to_vec();
    if frame.len() < 34 {
        return frame;
    }
    let (ethernet, packet) = frame.split_at_mut(14);
    if how & 0x40 == 0 {
        ethernet[..6].copy_from_slice(&DEVICES[usize::from(how) % DEVICES.len()].1);
    }
    if ethernet[12..] != [8, 0] {
        return frame;
    }
    let header = (usize::from(packet[0] & 15) * 4).clamp(20, packet.len().min(60)) & !3;
    packet[0] = 0x40 | u8::try_from(header / 4).unwrap_or(5);
    let total = u16::try_from(packet.len()).unwrap_or(u16::MAX);
    packet[2..4].copy_from_slice(&total.to_be_bytes());
    packet[10..12].fill(0);
    let check = ip_compute_csum(&packet[..header]);
    packet[10..12].copy_from_slice(&check.to_be_bytes());
    let Ok(ip) = Ipv4::parse(packet) else { return frame };
    let (proto, src, dst) = (ip.proto(), ip.src(), ip.dst());
    let segment = &mut packet[header..];
    let (at, least) = match proto {
        IpProto::TCP => (16, 20),
        IpProto::UDP => (6, 8),
        IpProto::ICMP => (2, 8),
        _ => return frame,
    };
    if segment.len() < least {
        return frame;
    }
    if proto == IpProto::UDP {
        let len = u16::try_from(segment.len()).unwrap_or(u16::MAX);
        segment[4..6].copy_from_slice(&len.to_be_bytes());
    }
    segment[at..at + 2].fill(0);
    let check = if proto == IpProto::ICMP {
        ip_compute_csum(segment)
    } else {
        csum_tcpudp_magic(src, dst, proto, segment)
    };
    segment[at..at + 2].copy_from_slice(&check.to_be_bytes());
    frame
}
