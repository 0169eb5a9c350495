//! The VXLAN header (RFC 7348, `struct vxlanhdr`).

use super::error::{Layer, ParseError};

/// Length of the VXLAN header in bytes.
pub const VXLAN_HLEN: usize = 8;
/// The port that IANA assigned.
pub const VXLAN_PORT: u16 = 4789;
/// The port that Linux took before there was an assigned one; flannel uses it.
pub const VXLAN_PORT_LINUX: u16 = 8472;
/// The flag that says that there is a network identifier (`VXLAN_HF_VNI`, its first byte).
pub const VXLAN_FLAG_VNI: u8 = 0x08;

/// A VXLAN packet: eight bytes and an Ethernet frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vxlan<'a> {
    header: [u8; VXLAN_HLEN],
    payload: &'a [u8],
}

impl<'a> Vxlan<'a> {
    /// Reads the packet that `bytes`, the data of a UDP datagram, hold.
    ///
    /// # Errors
    /// Fewer than 8 bytes.
    #[inline]
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ParseError> {
        match bytes.split_first_chunk() {
            Some((header, payload)) => Ok(Self { header: *header, payload }),
            None => Err(ParseError::truncated(Layer::Vxlan, VXLAN_HLEN, bytes.len())),
        }
    }

    /// Returns the first byte: the flags of RFC 7348.
    #[must_use]
    pub const fn flags(&self) -> u8 {
        self.header[0]
    }

    /// Returns the first 32 bits, where extensions have their flags (`vx_flags`).
    #[must_use]
    pub const fn flags_word(&self) -> u32 {
        u32::from_be_bytes([self.header[0], self.header[1], self.header[2], self.header[3]])
    }

    /// Returns whether the network identifier is valid; Linux drops a packet without.
    #[must_use]
    pub const fn has_vni(&self) -> bool {
        self.flags() & VXLAN_FLAG_VNI != 0
    }

    /// Returns the network identifier, 24 bits.
    #[must_use]
    pub const fn vni(&self) -> u32 {
        u32::from_be_bytes([0, self.header[4], self.header[5], self.header[6]])
    }

    /// Returns the last byte, reserved; Linux drops a packet where extensions do not explain it.
    #[must_use]
    pub const fn reserved(&self) -> u8 {
        self.header[7]
    }

    /// Returns the inner Ethernet frame.
    #[must_use]
    pub const fn payload(&self) -> &'a [u8] {
        self.payload
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_and_vni_are_read() {
        let bytes = [0x08, 0, 0, 0, 0x00, 0x10, 0x00, 0, 0xaa];
        let vxlan = Vxlan::parse(&bytes).expect("whole");
        assert!(vxlan.has_vni());
        assert_eq!((vxlan.vni(), vxlan.reserved()), (4096, 0));
        assert_eq!(vxlan.payload(), [0xaa]);
        assert!(Vxlan::parse(&bytes[..7]).is_err());
    }
}
