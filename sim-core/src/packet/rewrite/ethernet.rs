//! Ethernet addresses. Bytes are written directly: the address type of `pnet_packet` has no public path.

use crate::packet::ethernet::{ETH_ALEN, MacAddr};

/// Sets the destination address of the frame; one too short for it stays as it is.
#[inline]
pub fn set_ethernet_dst(frame: &mut [u8], mac: MacAddr) {
    if let Some(to) = frame.first_chunk_mut() {
        *to = mac.0;
    }
}

/// Sets the source address of the frame; one too short for it stays as it is.
#[inline]
pub fn set_ethernet_src(frame: &mut [u8], mac: MacAddr) {
    if let Some(to) = frame.get_mut(ETH_ALEN..).and_then(<[u8]>::first_chunk_mut) {
        *to = mac.0;
    }
}
