//! Ethernet II frames (`struct ethhdr`) and 802.1Q tags.

use core::fmt;
use core::hash::{Hash, Hasher};
use core::str::FromStr;

use etherparse::Ethernet2HeaderSlice;
use thiserror::Error;

use super::error::{Layer, ParseError};
use super::meta::PacketType;

/// Length of the Ethernet header in bytes (`ETH_HLEN`).
pub const ETH_HLEN: usize = 14;
/// Length of an Ethernet address in bytes (`ETH_ALEN`).
pub const ETH_ALEN: usize = 6;
/// Length of an 802.1Q tag in bytes (`VLAN_HLEN`).
pub const VLAN_HLEN: usize = 4;
/// Types below this are 802.3 lengths (`ETH_P_802_3_MIN`).
pub const ETH_P_802_3_MIN: u16 = 0x0600;

/// An EtherType, or the length of an 802.3 frame when below [`ETH_P_802_3_MIN`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EtherType(pub u16);

impl EtherType {
    /// IPv4 (`ETH_P_IP`).
    pub const IPV4: Self = Self(0x0800);
    /// ARP (`ETH_P_ARP`).
    pub const ARP: Self = Self(0x0806);
    /// Ethernet in GRE (`ETH_P_TEB`).
    pub const TEB: Self = Self(0x6558);
    /// Reverse ARP (`ETH_P_RARP`).
    pub const RARP: Self = Self(0x8035);
    /// 802.1Q tag (`ETH_P_8021Q`).
    pub const VLAN: Self = Self(0x8100);
    /// IPv6 (`ETH_P_IPV6`).
    pub const IPV6: Self = Self(0x86dd);
    /// 802.3 slow protocols, LACP among them (`ETH_P_SLOW`).
    pub const SLOW: Self = Self(0x8809);
    /// EAPOL (`ETH_P_PAE`).
    pub const PAE: Self = Self(0x888e);
    /// 802.1ad service tag (`ETH_P_8021AD`).
    pub const QINQ: Self = Self(0x88a8);
    /// LLDP (`ETH_P_LLDP`).
    pub const LLDP: Self = Self(0x88cc);
    /// An 802.3 frame without an LLC header, as Novell sends it (`ETH_P_802_3`).
    pub const IEEE_802_3: Self = Self(0x0001);
    /// An 802.3 frame with an LLC header (`ETH_P_802_2`).
    pub const IEEE_802_2: Self = Self(0x0004);
    /// Every protocol, what a packet socket asks for (`ETH_P_ALL`).
    pub const ALL: Self = Self(0x0003);

    /// Returns whether the number is an 802.3 length rather than a type.
    #[must_use]
    pub const fn is_length(self) -> bool {
        self.0 < ETH_P_802_3_MIN
    }
}

impl fmt::Display for EtherType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{:04x}", self.0)
    }
}

/// An Ethernet address.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct MacAddr(pub [u8; ETH_ALEN]);

/// Hashes the address as one word: forwarding databases are asked for every frame.
impl Hash for MacAddr {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        let [a, b, c, d, e, f] = self.0;
        state.write_u64(u64::from_ne_bytes([a, b, c, d, e, f, 0, 0]));
    }
}

impl MacAddr {
    /// `00:00:00:00:00:00`.
    pub const ZERO: Self = Self([0; ETH_ALEN]);
    /// `ff:ff:ff:ff:ff:ff`.
    pub const BROADCAST: Self = Self([0xff; ETH_ALEN]);
    /// Where 802.1D bridges send BPDUs, `01:80:c2:00:00:00`.
    pub const BRIDGE_GROUP: Self = Self([0x01, 0x80, 0xc2, 0, 0, 0]);

    /// Returns the six bytes.
    #[must_use]
    pub const fn octets(self) -> [u8; ETH_ALEN] {
        self.0
    }

    /// Returns whether this is the broadcast address (`is_broadcast_ether_addr()`).
    #[must_use]
    pub const fn is_broadcast(self) -> bool {
        matches!(self.0, [0xff, 0xff, 0xff, 0xff, 0xff, 0xff])
    }

    /// Returns whether this is a group address, broadcast included (`is_multicast_ether_addr()`).
    #[must_use]
    pub const fn is_multicast(self) -> bool {
        self.0[0] & 1 != 0
    }

    /// Returns whether all bytes are zero (`is_zero_ether_addr()`).
    #[must_use]
    pub const fn is_zero(self) -> bool {
        matches!(self.0, [0, 0, 0, 0, 0, 0])
    }

    /// Returns whether a device may carry this address (`is_valid_ether_addr()`).
    #[must_use]
    pub const fn is_valid(self) -> bool {
        !self.is_multicast() && !self.is_zero()
    }

    /// Returns whether a bridge keeps frames to this address to itself (`is_link_local_ether_addr()`):
    /// `01:80:c2:00:00:00` to `01:80:c2:00:00:0f`.
    #[must_use]
    pub const fn is_link_local(self) -> bool {
        matches!(self.0, [0x01, 0x80, 0xc2, 0, 0, last] if last & 0xf0 == 0)
    }

    /// Tells how a device with the address `device` sees a frame to this address (`eth_type_trans()`).
    #[must_use]
    pub fn packet_type(self, device: Self) -> PacketType {
        if self == device {
            PacketType::Host
        } else if self.is_broadcast() {
            PacketType::Broadcast
        } else if self.is_multicast() {
            PacketType::Multicast
        } else {
            PacketType::OtherHost
        }
    }
}

impl fmt::Display for MacAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl fmt::Debug for MacAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<[u8; ETH_ALEN]> for MacAddr {
    fn from(octets: [u8; ETH_ALEN]) -> Self {
        Self(octets)
    }
}

/// A text that is not six colon-separated bytes of one or two hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not an Ethernet address")]
pub struct MacAddrError;

impl FromStr for MacAddr {
    type Err = MacAddrError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut octets = [0; ETH_ALEN];
        let mut parts = text.split(':');
        for octet in &mut octets {
            let part = parts.next().ok_or(MacAddrError)?;
            let digits = part.bytes().all(|byte| byte.is_ascii_hexdigit());
            if !digits || part.is_empty() || part.len() > 2 {
                return Err(MacAddrError);
            }
            *octet = u8::from_str_radix(part, 16).map_err(|_| MacAddrError)?;
        }
        if parts.next().is_some() { Err(MacAddrError) } else { Ok(Self(octets)) }
    }
}

/// An Ethernet II frame.
#[derive(Clone, Debug)]
pub struct Ethernet<'a> {
    header: Ethernet2HeaderSlice<'a>,
    payload: &'a [u8],
}

impl<'a> Ethernet<'a> {
    /// Reads the frame that `bytes` hold.
    ///
    /// # Errors
    /// Fewer than 14 bytes.
    #[inline]
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ParseError> {
        let header = Ethernet2HeaderSlice::from_slice(bytes)
            .map_err(|_| ParseError::truncated(Layer::Ethernet, ETH_HLEN, bytes.len()))?;
        Ok(Self { header, payload: bytes.get(ETH_HLEN..).unwrap_or_default() })
    }

    /// Returns the destination address.
    #[must_use]
    #[inline]
    pub fn dst(&self) -> MacAddr {
        MacAddr(self.header.destination())
    }

    /// Returns the source address.
    #[must_use]
    #[inline]
    pub fn src(&self) -> MacAddr {
        MacAddr(self.header.source())
    }

    /// Returns the type, or the length of an 802.3 frame.
    #[must_use]
    #[inline]
    pub fn ether_type(&self) -> EtherType {
        EtherType(self.header.ether_type().0)
    }

    /// Returns the 14 header bytes.
    #[must_use]
    pub fn header(&self) -> &'a [u8] {
        self.header.slice()
    }

    /// Returns what follows the header, padding included.
    #[must_use]
    #[inline]
    pub fn payload(&self) -> &'a [u8] {
        self.payload
    }
}

/// One 802.1Q or 802.1ad tag, as it follows a type of [`EtherType::VLAN`] or [`EtherType::QINQ`].
#[derive(Clone, Copy, Debug)]
pub struct Vlan<'a> {
    tag: [u8; VLAN_HLEN],
    payload: &'a [u8],
}

impl<'a> Vlan<'a> {
    /// Reads the tag at the start of `bytes`.
    ///
    /// # Errors
    /// Fewer than 4 bytes.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ParseError> {
        match bytes.split_first_chunk() {
            Some((tag, payload)) => Ok(Self { tag: *tag, payload }),
            None => Err(ParseError::truncated(Layer::Vlan, VLAN_HLEN, bytes.len())),
        }
    }

    /// Returns the VLAN identifier, 12 bits.
    #[must_use]
    pub const fn id(&self) -> u16 {
        u16::from_be_bytes([self.tag[0], self.tag[1]]) & 0x0fff
    }

    /// Returns the priority, 3 bits.
    #[must_use]
    pub const fn priority(&self) -> u8 {
        self.tag[0] >> 5
    }

    /// Returns the drop eligible bit.
    #[must_use]
    pub const fn dei(&self) -> bool {
        self.tag[0] & 0x10 != 0
    }

    /// Returns the type of what follows the tag.
    #[must_use]
    pub const fn ether_type(&self) -> EtherType {
        EtherType(u16::from_be_bytes([self.tag[2], self.tag[3]]))
    }

    /// Returns what follows the tag.
    #[must_use]
    pub const fn payload(&self) -> &'a [u8] {
        self.payload
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_they_are_printed() {
        let mac = MacAddr([0x52, 0x04, 0xc0, 0x02, 0x93, 0x0a]);
        assert_eq!(mac.to_string(), "52:04:c0:02:93:0a");
        assert_eq!("52:4:C0:2:93:a".parse(), Ok(mac));
        for wrong in
            ["", "52:04:c0:02:93", "52:04:c0:02:93:0a:00", "5g:04:c0:02:93:0a", "+5:4:c:2:3:a"]
        {
            assert_eq!(wrong.parse::<MacAddr>(), Err(MacAddrError), "{wrong}");
        }
    }

    #[test]
    fn eth_type_trans_knows_whom_a_frame_is_for() {
        let me = MacAddr([2, 0, 0, 0, 0, 1]);
        assert_eq!(me.packet_type(me), PacketType::Host);
        assert_eq!(MacAddr::BROADCAST.packet_type(me), PacketType::Broadcast);
        assert_eq!(MacAddr::BRIDGE_GROUP.packet_type(me), PacketType::Multicast);
        assert_eq!(MacAddr([2, 0, 0, 0, 0, 2]).packet_type(me), PacketType::OtherHost);
        assert!(MacAddr::BRIDGE_GROUP.is_link_local());
        assert!(!MacAddr([1, 0x80, 0xc2, 0, 0, 0x10]).is_link_local());
    }

    #[test]
    fn a_frame_is_read_and_a_short_one_refused() {
        let mut bytes = [0u8; 20];
        bytes[..6].fill(0xff);
        bytes[11] = 7;
        bytes[12..18].copy_from_slice(&[0x81, 0x00, 0x60, 0x0a, 0x08, 0x06]);
        let frame = Ethernet::parse(&bytes).expect("whole");
        assert_eq!(frame.dst(), MacAddr::BROADCAST);
        assert_eq!(frame.src(), MacAddr([0, 0, 0, 0, 0, 7]));
        assert_eq!(frame.ether_type(), EtherType::VLAN);
        let tag = Vlan::parse(frame.payload()).expect("whole");
        assert_eq!((tag.id(), tag.priority(), tag.dei()), (10, 3, false));
        assert_eq!((tag.ether_type(), tag.payload().len()), (EtherType::ARP, 2));
        let short = Ethernet::parse(&bytes[..13]).expect_err("short");
        assert_eq!(short, ParseError::truncated(Layer::Ethernet, 14, 13));
        assert_eq!(short.to_string(), "Ethernet header cut short: 14 bytes needed, 13 there");
    }
}
