//! The few netlink requests that the runner needs: devices and their counters, the ids that namespaces
//! give each other, and the offloads of a device.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsRawFd as _, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recv, send,
    socket,
};
use sim_core::case::observed::DevStats;

const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const NLM_F_REQUEST: u16 = 1;
const NLM_F_MULTI: u16 = 2;
pub(super) const NLM_F_ACK: u16 = 4;
const NLM_F_DUMP: u16 = 0x300;
const RTM_NEWLINK: u16 = 16;
const RTM_GETLINK: u16 = 18;
const RTM_GETNSID: u16 = 90;

/// Attributes of `struct ifinfomsg` messages (`include/uapi/linux/if_link.h`).
mod ifla {
    pub(super) const IFNAME: u16 = 3;
    pub(super) const LINK: u16 = 5;
    pub(super) const OPERSTATE: u16 = 16;
    pub(super) const LINKINFO: u16 = 18;
    pub(super) const STATS64: u16 = 23;
    pub(super) const LINK_NETNSID: u16 = 37;
    pub(super) const INFO_KIND: u16 = 1;
    pub(super) const INFO_SLAVE_KIND: u16 = 4;
    pub(super) const INFO_SLAVE_DATA: u16 = 5;
    pub(super) const BRPORT_STATE: u16 = 1;
}

/// A device.
#[derive(Debug, Clone)]
pub(super) struct Link {
    pub(super) index: u32,
    pub(super) name: String,
    pub(super) flags: u32,
    /// `veth`, `bridge`, ...; empty for `lo`.
    pub(super) kind: String,
    /// RFC 2863: 0 unknown, 6 up.
    pub(super) operstate: u8,
    /// The index of the other end of a veth.
    pub(super) peer: Option<u32>,
    /// The id that this namespace gives to the one with the other end; `None` is this one.
    pub(super) peer_netnsid: Option<u32>,
    /// The state of a bridge port: 3 is forwarding.
    pub(super) port_state: Option<u8>,
    pub(super) stats: DevStats,
}

impl Link {
    pub(super) const IFF_UP: u32 = 1;
    const IFF_LOWER_UP: u32 = 0x10000;

    /// Tells whether the device has a carrier but the kernel has not yet acted on it.
    pub(super) fn is_settling(&self) -> bool {
        const UNKNOWN: u8 = 0;
        const UP: u8 = 6;
        const FORWARDING: u8 = 3;
        const LEARNING: u8 = 2;
        const LISTENING: u8 = 1;
        let running = Self::IFF_UP | Self::IFF_LOWER_UP;
        self.flags & running == running
            && (!matches!(self.operstate, UNKNOWN | UP)
                || !matches!(self.port_state, None | Some(FORWARDING | LEARNING | LISTENING)))
    }
}

/// A netlink socket in the namespace that was current when it was opened.
pub(super) struct Netlink {
    fd: OwnedFd,
    buffer: Vec<u8>,
}

impl Netlink {
    pub(super) fn route() -> io::Result<Self> {
        Self::open(SockProtocol::NetlinkRoute)
    }

    pub(super) fn netfilter() -> io::Result<Self> {
        Self::open(SockProtocol::NetlinkNetFilter)
    }

    pub(super) fn generic() -> io::Result<Self> {
        Self::open(SockProtocol::NetlinkGeneric)
    }

    fn open(protocol: SockProtocol) -> io::Result<Self> {
        let fd = socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, protocol)?;
        bind(fd.as_raw_fd(), &NetlinkAddr::new(0, 0))?;
        Ok(Self { fd, buffer: vec![0; 1 << 18] })
    }

    /// Sends one request that nobody answers.
    pub(super) fn tell(&self, kind: u16, flags: u16, body: &[u8]) -> io::Result<()> {
        let length = u32::try_from(16 + body.len()).map_err(io::Error::other)?;
        let mut message = length.to_ne_bytes().to_vec();
        message.extend(kind.to_ne_bytes());
        message.extend((NLM_F_REQUEST | flags).to_ne_bytes());
        message.extend([0; 8]);
        message.extend(body);
        send(self.fd.as_raw_fd(), &message, MsgFlags::empty())?;
        Ok(())
    }

    /// Takes in what has come, without waiting for more.
    pub(super) fn received(&mut self) -> io::Result<Vec<(u16, Vec<u8>)>> {
        let mut messages = Vec::new();
        loop {
            match recv(self.fd.as_raw_fd(), &mut self.buffer, MsgFlags::MSG_DONTWAIT) {
                Ok(length) => {
                    collect(&self.buffer[..length], &mut messages)?;
                }
                Err(Errno::EAGAIN) => return Ok(messages),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Sends one request and collects the bodies of the answers.
    pub(super) fn request(
        &mut self,
        kind: u16,
        flags: u16,
        body: &[u8],
    ) -> io::Result<Vec<(u16, Vec<u8>)>> {
        self.tell(kind, flags, body)?;
        let mut answers = Vec::new();
        loop {
            let length = recv(self.fd.as_raw_fd(), &mut self.buffer, MsgFlags::empty())?;
            if collect(&self.buffer[..length], &mut answers)? {
                return Ok(answers);
            }
        }
    }

    /// Lists the devices.
    pub(super) fn links(&mut self) -> io::Result<Vec<Link>> {
        let answers = self.request(RTM_GETLINK, NLM_F_DUMP, &[0; 16])?;
        let links = answers.iter().filter(|(kind, _)| *kind == RTM_NEWLINK);
        Ok(links.filter_map(|(_, body)| parse_link(body)).collect())
    }

    /// Asks for the id that this namespace gives to another.
    pub(super) fn netnsid_of(&mut self, netns: BorrowedFd<'_>) -> io::Result<Option<u32>> {
        const NETNSA_NSID: u16 = 1;
        const NETNSA_FD: u16 = 3;
        let mut body = vec![0; 4];
        body.extend(attribute(NETNSA_FD, &netns.as_raw_fd().to_ne_bytes()));
        let answers = self.request(RTM_GETNSID, 0, &body)?;
        let id = answers.first().and_then(|(_, body)| {
            attributes(body.get(4..)?).get(&NETNSA_NSID).and_then(|id| u32_at(id, 0))
        });
        Ok(id.filter(|id| i32::try_from(*id).is_ok()))
    }

    /// Switches off what `ethtool -K DEV tx off sg off tso off gso off gro off` does, so that every
    /// frame on the wire is one packet with complete checksums. Needs a [`Netlink::generic`] socket.
    pub(super) fn offloads_off(&mut self, family: u16, dev: &str) -> io::Result<()> {
        let active = self.features(family, dev)?;
        let off: Vec<u8> = active
            .iter()
            .filter(|name| is_offload(name))
            .flat_map(|name| nested(1, &attribute(2, &zero_terminated(name))))
            .collect();
        if off.is_empty() {
            return Ok(());
        }
        const FEATURES_SET: u8 = 12;
        const WANTED: u16 = 3;
        const OMIT_REPLY: u32 = 2;
        let mut body = vec![FEATURES_SET, 1, 0, 0];
        body.extend(ethtool_header(dev, OMIT_REPLY));
        body.extend(nested(WANTED, &nested(3, &off)));
        self.request(family, NLM_F_ACK, &body).map(|_| ())
    }

    /// Names the active features of a device.
    fn features(&mut self, family: u16, dev: &str) -> io::Result<Vec<String>> {
        const FEATURES_GET: u8 = 11;
        const ACTIVE: u16 = 4;
        let mut body = vec![FEATURES_GET, 1, 0, 0];
        body.extend(ethtool_header(dev, 0));
        let answers = self.request(family, 0, &body)?;
        let Some((_, body)) = answers.first() else { return Ok(Vec::new()) };
        let answer = attributes(body.get(4..).unwrap_or_default());
        let set = attributes(answer.get(&ACTIVE).copied().unwrap_or_default());
        let bits = set.get(&3).copied().unwrap_or_default();
        let names = attribute_list(bits).into_iter().filter_map(|(_, bit)| {
            let name = attributes(bit).get(&2).copied()?;
            Some(text(name))
        });
        Ok(names.collect())
    }

    /// Asks for the number of the `ethtool` family.
    pub(super) fn ethtool_family(&mut self) -> io::Result<u16> {
        const GENL_ID_CTRL: u16 = 16;
        const GETFAMILY: u8 = 3;
        let mut body = vec![GETFAMILY, 1, 0, 0];
        body.extend(attribute(2, b"ethtool\0"));
        let answers = self.request(GENL_ID_CTRL, 0, &body)?;
        let id = answers.first().and_then(|(_, body)| {
            let id = attributes(body.get(4..)?).get(&1).copied()?;
            Some(u16::from_ne_bytes(id.get(..2)?.try_into().ok()?))
        });
        id.ok_or_else(|| io::Error::other("the kernel has no ethtool netlink family"))
    }
}

/// Tells whether a feature is one of those that tx, sg, tso, gso and gro stand for.
fn is_offload(name: &str) -> bool {
    name.starts_with("tx-checksum-")
        || name.starts_with("tx-scatter-gather")
        || (name.starts_with("tx-tcp") && name.ends_with("-segmentation"))
        || matches!(name, "tx-generic-segmentation" | "rx-gro")
}

/// Names a device in an ethtool request.
fn ethtool_header(dev: &str, flags: u32) -> Vec<u8> {
    let mut inner = attribute(2, &zero_terminated(dev));
    inner.extend(attribute(3, &flags.to_ne_bytes()));
    nested(1, &inner)
}

/// Adds the messages of one datagram to `answers`; tells whether the answer is complete.
fn collect(mut datagram: &[u8], answers: &mut Vec<(u16, Vec<u8>)>) -> io::Result<bool> {
    while let (Some(length), Some(kind)) = (u32_at(datagram, 0), u16_at(datagram, 4)) {
        let length = usize::try_from(length).map_err(io::Error::other)?;
        let body = datagram.get(16..length).unwrap_or_default();
        let flags = u16_at(datagram, 6).unwrap_or(0);
        match kind {
            NLMSG_DONE => return Ok(true),
            NLMSG_ERROR => {
                return match u32_at(body, 0).unwrap_or(0).cast_signed() {
                    0 => Ok(true),
                    errno => Err(io::Error::from_raw_os_error(-errno)),
                };
            }
            _ => answers.push((kind, body.to_vec())),
        }
        if flags & NLM_F_MULTI == 0 {
            return Ok(true);
        }
        datagram = datagram.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    Ok(false)
}

fn parse_link(body: &[u8]) -> Option<Link> {
    let attrs = attributes(body.get(16..)?);
    let number = |kind| attrs.get(&kind).and_then(|value| u32_at(value, 0));
    let info = attributes(attrs.get(&ifla::LINKINFO).copied().unwrap_or_default());
    let string =
        |map: &BTreeMap<u16, &[u8]>, kind| map.get(&kind).map_or_else(String::new, |v| text(v));
    let port_state = (string(&info, ifla::INFO_SLAVE_KIND) == "bridge").then(|| {
        let port = attributes(info.get(&ifla::INFO_SLAVE_DATA).copied().unwrap_or_default());
        port.get(&ifla::BRPORT_STATE).and_then(|state| state.first().copied())
    });
    Some(Link {
        index: u32_at(body, 4)?,
        flags: u32_at(body, 8)?,
        name: string(&attrs, ifla::IFNAME),
        kind: string(&info, ifla::INFO_KIND),
        operstate: attrs.get(&ifla::OPERSTATE).and_then(|v| v.first().copied()).unwrap_or(0),
        peer: number(ifla::LINK),
        peer_netnsid: number(ifla::LINK_NETNSID),
        port_state: port_state.flatten(),
        stats: attrs.get(&ifla::STATS64).map_or_else(DevStats::default, |v| parse_stats(v)),
    })
}

/// Reads `struct rtnl_link_stats64`.
fn parse_stats(bytes: &[u8]) -> DevStats {
    let at = |place: usize| {
        let bytes = bytes.get(place * 8..place * 8 + 8);
        bytes.and_then(|b| b.try_into().ok()).map_or(0, u64::from_ne_bytes)
    };
    DevStats {
        rx_packets: at(0),
        tx_packets: at(1),
        rx_bytes: at(2),
        tx_bytes: at(3),
        rx_errors: at(4),
        tx_errors: at(5),
        rx_dropped: at(6),
        tx_dropped: at(7),
        multicast: at(8),
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes.strip_suffix(b"\0").unwrap_or(bytes)).into_owned()
}

fn zero_terminated(text: &str) -> Vec<u8> {
    [text.as_bytes(), b"\0"].concat()
}

/// Writes one attribute, padded.
pub(super) fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(4 + value.len()).unwrap_or(u16::MAX);
    let mut bytes = length.to_ne_bytes().to_vec();
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

fn nested(kind: u16, value: &[u8]) -> Vec<u8> {
    const NLA_F_NESTED: u16 = 0x8000;
    attribute(kind | NLA_F_NESTED, value)
}

fn attribute_list(mut bytes: &[u8]) -> Vec<(u16, &[u8])> {
    const NLA_TYPE_MASK: u16 = 0x3fff;
    let mut list = Vec::new();
    while let (Some(length), Some(kind)) = (u16_at(bytes, 0), u16_at(bytes, 2)) {
        let length = usize::from(length);
        let Some(value) = bytes.get(4..length) else { break };
        list.push((kind & NLA_TYPE_MASK, value));
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    list
}

pub(super) fn attributes(bytes: &[u8]) -> BTreeMap<u16, &[u8]> {
    attribute_list(bytes).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_read_as_they_are_written() {
        let inner = [attribute(1, b"veth\0"), attribute(2, &7_u32.to_ne_bytes())].concat();
        let bytes = [nested(18, &inner), attribute(3, b"e0\0")].concat();
        let outer = attributes(&bytes);
        assert_eq!(text(outer[&3]), "e0");
        let inner = attributes(outer[&18]);
        assert_eq!((text(inner[&1]), u32_at(inner[&2], 0)), ("veth".to_owned(), Some(7)));
    }

    #[test]
    fn cut_attributes_end_the_list() {
        let bytes = attribute(3, b"e0\0");
        for length in 0..7 {
            assert!(attribute_list(&bytes[..length]).is_empty(), "{length}");
        }
    }

    #[test]
    fn only_the_offloads_that_change_frames_are_switched_off() {
        for name in
            ["tx-checksum-ip-generic", "tx-tcp6-segmentation", "rx-gro", "tx-scatter-gather"]
        {
            assert!(is_offload(name), "{name}");
        }
        for name in ["tx-vlan-hw-insert", "highdma", "rx-gro-list", "tx-gre-segmentation"] {
            assert!(!is_offload(name), "{name}");
        }
    }
}
