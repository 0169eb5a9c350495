//! ICMP for IPv4 (RFC 792, RFC 1122 section 3.2.2, RFC 1191, `struct icmphdr`).

use core::net::Ipv4Addr;

use super::checksum;
use super::error::{Layer, ParseError};

/// Length of the ICMP header in bytes (`sizeof(struct icmphdr)`).
pub const ICMP_HLEN: usize = 8;

/// The type of an ICMP message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IcmpType(pub u8);

impl IcmpType {
    /// Echo reply (`ICMP_ECHOREPLY`).
    pub const ECHO_REPLY: Self = Self(0);
    /// Destination unreachable (`ICMP_DEST_UNREACH`).
    pub const DEST_UNREACH: Self = Self(3);
    /// Source quench, deprecated (RFC 6633).
    pub const SOURCE_QUENCH: Self = Self(4);
    /// Redirect (`ICMP_REDIRECT`).
    pub const REDIRECT: Self = Self(5);
    /// Echo request (`ICMP_ECHO`).
    pub const ECHO: Self = Self(8);
    /// Router advertisement (RFC 1256).
    pub const ROUTER_ADVERT: Self = Self(9);
    /// Router solicitation (RFC 1256).
    pub const ROUTER_SOLICIT: Self = Self(10);
    /// Time exceeded (`ICMP_TIME_EXCEEDED`).
    pub const TIME_EXCEEDED: Self = Self(11);
    /// Parameter problem (`ICMP_PARAMETERPROB`).
    pub const PARAMETER_PROBLEM: Self = Self(12);
    /// Timestamp request (`ICMP_TIMESTAMP`).
    pub const TIMESTAMP: Self = Self(13);
    /// Timestamp reply (`ICMP_TIMESTAMPREPLY`).
    pub const TIMESTAMP_REPLY: Self = Self(14);
    /// Information request, obsolete (`ICMP_INFO_REQUEST`).
    pub const INFO_REQUEST: Self = Self(15);
    /// Information reply, obsolete (`ICMP_INFO_REPLY`).
    pub const INFO_REPLY: Self = Self(16);
    /// Address mask request, obsolete (`ICMP_ADDRESS`).
    pub const ADDRESS: Self = Self(17);
    /// Address mask reply, obsolete (`ICMP_ADDRESSREPLY`).
    pub const ADDRESS_REPLY: Self = Self(18);
    /// Extended echo request (RFC 8335).
    pub const EXT_ECHO: Self = Self(42);
    /// Extended echo reply (RFC 8335).
    pub const EXT_ECHO_REPLY: Self = Self(43);

    /// Returns whether messages of this type quote the packet that caused them (`icmp_is_err()`).
    #[must_use]
    pub const fn is_error(self) -> bool {
        matches!(
            self,
            Self::DEST_UNREACH
                | Self::SOURCE_QUENCH
                | Self::REDIRECT
                | Self::TIME_EXCEEDED
                | Self::PARAMETER_PROBLEM
        )
    }
}

/// The codes of [`IcmpType::DEST_UNREACH`].
pub mod unreach {
    /// The network is unreachable (`ICMP_NET_UNREACH`).
    pub const NET: u8 = 0;
    /// The host is unreachable (`ICMP_HOST_UNREACH`).
    pub const HOST: u8 = 1;
    /// The host lacks the protocol (`ICMP_PROT_UNREACH`).
    pub const PROTOCOL: u8 = 2;
    /// Nobody listens at the port (`ICMP_PORT_UNREACH`).
    pub const PORT: u8 = 3;
    /// Too long for the next link, and not to be fragmented (`ICMP_FRAG_NEEDED`).
    pub const FRAG_NEEDED: u8 = 4;
    /// The source route failed (`ICMP_SR_FAILED`).
    pub const SOURCE_ROUTE: u8 = 5;
    /// The network is unknown (`ICMP_NET_UNKNOWN`).
    pub const NET_UNKNOWN: u8 = 6;
    /// The host is unknown (`ICMP_HOST_UNKNOWN`).
    pub const HOST_UNKNOWN: u8 = 7;
    /// The source host is isolated (`ICMP_HOST_ISOLATED`).
    pub const HOST_ISOLATED: u8 = 8;
    /// The network is prohibited (`ICMP_NET_ANO`).
    pub const NET_PROHIBITED: u8 = 9;
    /// The host is prohibited (`ICMP_HOST_ANO`).
    pub const HOST_PROHIBITED: u8 = 10;
    /// The network is unreachable for the TOS (`ICMP_NET_UNR_TOS`).
    pub const NET_TOS: u8 = 11;
    /// The host is unreachable for the TOS (`ICMP_HOST_UNR_TOS`).
    pub const HOST_TOS: u8 = 12;
    /// A filter forbids it (`ICMP_PKT_FILTERED`).
    pub const FILTERED: u8 = 13;
    /// Precedence violation (`ICMP_PREC_VIOLATION`).
    pub const PRECEDENCE_VIOLATION: u8 = 14;
    /// Precedence cutoff (`ICMP_PREC_CUTOFF`).
    pub const PRECEDENCE_CUTOFF: u8 = 15;
}

/// The codes of [`IcmpType::TIME_EXCEEDED`].
pub mod time_exceeded {
    /// The TTL ran out (`ICMP_EXC_TTL`).
    pub const TTL: u8 = 0;
    /// Fragments were missing for too long (`ICMP_EXC_FRAGTIME`).
    pub const REASSEMBLY: u8 = 1;
}

/// The codes of [`IcmpType::REDIRECT`].
pub mod redirect {
    /// For the network (`ICMP_REDIR_NET`).
    pub const NET: u8 = 0;
    /// For the host (`ICMP_REDIR_HOST`).
    pub const HOST: u8 = 1;
    /// For the TOS and network (`ICMP_REDIR_NETTOS`).
    pub const NET_TOS: u8 = 2;
    /// For the TOS and host (`ICMP_REDIR_HOSTTOS`).
    pub const HOST_TOS: u8 = 3;
}

/// An ICMP message.
#[derive(Clone, Copy, Debug)]
pub struct Icmp<'a> {
    header: [u8; ICMP_HLEN],
    bytes: &'a [u8],
}

impl<'a> Icmp<'a> {
    /// Reads the message that `bytes`, the payload of the IP packet, hold.
    ///
    /// # Errors
    /// Fewer than 8 bytes.
    #[inline]
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ParseError> {
        match bytes.first_chunk() {
            Some(header) => Ok(Self { header: *header, bytes }),
            None => Err(ParseError::truncated(Layer::Icmp, ICMP_HLEN, bytes.len())),
        }
    }

    /// Returns the type.
    #[must_use]
    #[inline]
    pub const fn icmp_type(&self) -> IcmpType {
        IcmpType(self.header[0])
    }

    /// Returns the code.
    #[must_use]
    #[inline]
    pub const fn code(&self) -> u8 {
        self.header[1]
    }

    /// Returns the checksum.
    #[must_use]
    #[inline]
    pub const fn checksum(&self) -> u16 {
        u16::from_be_bytes([self.header[2], self.header[3]])
    }

    /// Returns the last four bytes of the header, whose meaning is the type's.
    #[must_use]
    #[inline]
    pub const fn rest_of_header(&self) -> u32 {
        u32::from_be_bytes([self.header[4], self.header[5], self.header[6], self.header[7]])
    }

    /// Returns the identifier of a query (`un.echo.id`).
    #[must_use]
    #[inline]
    pub const fn id(&self) -> u16 {
        u16::from_be_bytes([self.header[4], self.header[5]])
    }

    /// Returns the sequence number of a query (`un.echo.sequence`).
    #[must_use]
    #[inline]
    pub const fn sequence(&self) -> u16 {
        u16::from_be_bytes([self.header[6], self.header[7]])
    }

    /// Returns the MTU of the next link in a "fragmentation needed" (RFC 1191, `un.frag.mtu`), in bytes.
    #[must_use]
    pub const fn mtu(&self) -> u16 {
        self.sequence()
    }

    /// Returns the gateway of a redirect (`un.gateway`).
    #[must_use]
    pub const fn gateway(&self) -> Ipv4Addr {
        Ipv4Addr::from_bits(self.rest_of_header())
    }

    /// Returns where in the quoted header the parameter problem is, in bytes.
    #[must_use]
    pub const fn pointer(&self) -> u8 {
        self.header[4]
    }

    /// Returns what follows the header: echo data, or the quoted packet of an error.
    #[must_use]
    #[inline]
    pub fn payload(&self) -> &'a [u8] {
        self.bytes.get(ICMP_HLEN..).unwrap_or_default()
    }

    /// Returns whether the checksum is right.
    #[must_use]
    pub fn checksum_ok(&self) -> bool {
        checksum::ip_compute_csum(self.bytes) == 0
    }
}
