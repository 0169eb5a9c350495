//! The packet buffer: Linux' `struct sk_buff` with its headroom and its three header offsets.
//!
//! ```text
//!   buf:  | headroom        | data                              |
//!         0                 start                               buf.len()
//!               ^mac           ^network      ^transport           offsets count from 0, as in Linux,
//!                                                                 so that push and pull do not move them
//! ```
//!
//! Mirrors `include/linux/skbuff.h`: `push`, `pull`, `put`, `trim` and the `reset_*_header` family behave as the
//! `skb_*` functions do, except that `push` makes headroom where Linux would panic. There are no fragments and no
//! clones that share data: a buffer owns its bytes.

use core::fmt;

use super::meta::SkbMeta;

/// Bytes left free in front of a new packet: enough for Ethernet, IPv4, UDP and VXLAN around an Ethernet frame.
pub const DEFAULT_HEADROOM: usize = 128;

/// Stands for an offset that was not set, as `(typeof(skb->mac_header))~0U` does in Linux.
const UNSET: usize = usize::MAX;

/// A packet buffer and what Linux knows of the packet in it.
#[derive(Clone)]
pub struct Skb {
    buf: Vec<u8>,
    start: usize,
    mac: usize,
    network: usize,
    transport: usize,
    /// The fields that are not bytes of the packet.
    pub meta: SkbMeta,
}

impl Default for Skb {
    fn default() -> Self {
        Self::with_headroom(DEFAULT_HEADROOM)
    }
}

impl fmt::Debug for Skb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Skb")
            .field("data", &self.data())
            .field("mac", &self.mac_offset())
            .field("network", &self.network_offset())
            .field("transport", &self.transport_offset())
            .field("meta", &self.meta)
            .finish()
    }
}

impl Skb {
    /// Creates an empty buffer with [`DEFAULT_HEADROOM`].
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates an empty buffer with `headroom` bytes in front (`skb_reserve()`).
    #[must_use]
    pub fn with_headroom(headroom: usize) -> Self {
        Self {
            buf: vec![0; headroom],
            start: headroom,
            mac: UNSET,
            network: UNSET,
            transport: UNSET,
            meta: SkbMeta::default(),
        }
    }

    /// Creates a buffer that holds a copy of `bytes`, with [`DEFAULT_HEADROOM`].
    #[must_use]
    pub fn from_slice(bytes: &[u8]) -> Self {
        let mut skb = Self::new();
        skb.put(bytes);
        skb
    }

    /// Makes the buffer as good as new, keeping its allocation.
    pub fn reset(&mut self) {
        self.buf.truncate(DEFAULT_HEADROOM);
        self.buf.resize(DEFAULT_HEADROOM, 0);
        self.start = DEFAULT_HEADROOM;
        self.mac = UNSET;
        self.network = UNSET;
        self.transport = UNSET;
        self.meta = SkbMeta::default();
    }

    /// Makes this buffer a copy of `other`, headroom and metadata included, keeping its own allocation.
    pub fn clone_from_skb(&mut self, other: &Self) {
        self.buf.clear();
        self.buf.extend_from_slice(&other.buf);
        self.start = other.start;
        self.mac = other.mac;
        self.network = other.network;
        self.transport = other.transport;
        self.meta = other.meta;
    }

    /// Returns the packet from the current layer on (`skb->data`).
    #[must_use]
    #[inline]
    pub fn data(&self) -> &[u8] {
        self.buf.get(self.start..).unwrap_or_default()
    }

    /// Returns the packet from the current layer on, to write in.
    #[must_use]
    #[inline]
    pub fn data_mut(&mut self) -> &mut [u8] {
        self.buf.get_mut(self.start..).unwrap_or_default()
    }

    /// Returns the number of bytes in [`data`](Self::data) (`skb->len`).
    #[must_use]
    #[inline]
    pub fn len(&self) -> usize {
        self.buf.len().saturating_sub(self.start)
    }

    /// Returns whether the packet has no bytes from the current layer on.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the free bytes in front of the data (`skb_headroom()`).
    #[must_use]
    #[inline]
    pub fn headroom(&self) -> usize {
        self.start
    }

    /// Extends the data by `n` bytes at its front and returns them (`skb_push()`).
    ///
    /// The bytes are what was there: those that a [`pull`](Self::pull) took off are back, others hold old contents.
    /// A packet without the headroom is moved within its buffer first.
    #[inline]
    pub fn push(&mut self, n: usize) -> &mut [u8] {
        if n > self.start {
            self.grow_headroom(n - self.start + DEFAULT_HEADROOM);
        }
        self.start -= n;
        self.buf.get_mut(self.start..self.start + n).unwrap_or_default()
    }

    /// Moves everything `more` bytes back to make room in front (`pskb_expand_head()`).
    fn grow_headroom(&mut self, more: usize) {
        let old_len = self.buf.len();
        self.buf.resize(old_len + more, 0);
        self.buf.copy_within(0..old_len, more);
        self.start += more;
        for offset in [&mut self.mac, &mut self.network, &mut self.transport] {
            if *offset != UNSET {
                *offset += more;
            }
        }
    }

    /// Takes `n` bytes off the front and returns them, or nothing if there are fewer (`skb_pull()`).
    #[must_use = "a packet that is too short stays as it is"]
    #[inline]
    pub fn pull(&mut self, n: usize) -> Option<&[u8]> {
        let end = self.start.checked_add(n)?;
        let pulled = self.buf.get(self.start..end)?;
        self.start = end;
        Some(pulled)
    }

    /// Appends `bytes` (`skb_put_data()`).
    #[inline]
    pub fn put(&mut self, bytes: &[u8]) {
        self.buf.extend_from_slice(bytes);
    }

    /// Appends `n` zero bytes and returns them (`skb_put_zero()`).
    #[inline]
    pub fn put_zero(&mut self, n: usize) -> &mut [u8] {
        let old_len = self.buf.len();
        self.buf.resize(old_len + n, 0);
        self.buf.get_mut(old_len..).unwrap_or_default()
    }

    /// Cuts the packet to `len` bytes if it is longer (`skb_trim()`).
    #[inline]
    pub fn trim(&mut self, len: usize) {
        self.buf.truncate(self.start.saturating_add(len));
    }

    /// Returns the packet from the link header on, empty while that is not set (`skb_mac_header()`).
    #[must_use]
    #[inline]
    pub fn mac_header(&self) -> &[u8] {
        self.buf.get(self.mac..).unwrap_or_default()
    }

    /// Returns the packet from the link header on, to write in.
    #[must_use]
    #[inline]
    pub fn mac_header_mut(&mut self) -> &mut [u8] {
        self.buf.get_mut(self.mac..).unwrap_or_default()
    }

    /// Returns the packet from the network header on, empty while that is not set (`skb_network_header()`).
    #[must_use]
    #[inline]
    pub fn network_header(&self) -> &[u8] {
        self.buf.get(self.network..).unwrap_or_default()
    }

    /// Returns the packet from the network header on, to write in.
    #[must_use]
    #[inline]
    pub fn network_header_mut(&mut self) -> &mut [u8] {
        self.buf.get_mut(self.network..).unwrap_or_default()
    }

    /// Returns the packet from the transport header on, empty while that is not set (`skb_transport_header()`).
    #[must_use]
    #[inline]
    pub fn transport_header(&self) -> &[u8] {
        self.buf.get(self.transport..).unwrap_or_default()
    }

    /// Returns the packet from the transport header on, to write in.
    #[must_use]
    #[inline]
    pub fn transport_header_mut(&mut self) -> &mut [u8] {
        self.buf.get_mut(self.transport..).unwrap_or_default()
    }

    /// Says that the link header starts at the data (`skb_reset_mac_header()`).
    #[inline]
    pub fn reset_mac_header(&mut self) {
        self.mac = self.start;
    }

    /// Says that the link header starts `offset` bytes after the start of the data (`skb_set_mac_header()`).
    #[inline]
    pub fn set_mac_header(&mut self, offset: usize) {
        self.mac = self.start.saturating_add(offset);
    }

    /// Says that the network header starts at the data (`skb_reset_network_header()`).
    #[inline]
    pub fn reset_network_header(&mut self) {
        self.network = self.start;
    }

    /// Says that the network header starts `offset` bytes after the start of the data (`skb_set_network_header()`).
    #[inline]
    pub fn set_network_header(&mut self, offset: usize) {
        self.network = self.start.saturating_add(offset);
    }

    /// Says that the transport header starts at the data (`skb_reset_transport_header()`).
    #[inline]
    pub fn reset_transport_header(&mut self) {
        self.transport = self.start;
    }

    /// Says that the transport header starts `offset` bytes after the start of the data
    /// (`skb_set_transport_header()`).
    #[inline]
    pub fn set_transport_header(&mut self, offset: usize) {
        self.transport = self.start.saturating_add(offset);
    }

    /// Forgets the link header, as a device without one does.
    #[inline]
    pub fn unset_mac_header(&mut self) {
        self.mac = UNSET;
    }

    /// Returns whether the link header is known (`skb_mac_header_was_set()`).
    #[must_use]
    #[inline]
    pub fn mac_header_was_set(&self) -> bool {
        self.mac != UNSET
    }

    /// Returns whether the transport header is known (`skb_transport_header_was_set()`).
    #[must_use]
    #[inline]
    pub fn transport_header_was_set(&self) -> bool {
        self.transport != UNSET
    }

    /// Returns where the link header starts, in bytes from the data on: negative once it was pulled
    /// (`skb_mac_offset()`).
    #[must_use]
    pub fn mac_offset(&self) -> Option<isize> {
        self.relative(self.mac)
    }

    /// Returns where the network header starts, in bytes from the data on (`skb_network_offset()`).
    #[must_use]
    pub fn network_offset(&self) -> Option<isize> {
        self.relative(self.network)
    }

    /// Returns where the transport header starts, in bytes from the data on (`skb_transport_offset()`).
    #[must_use]
    pub fn transport_offset(&self) -> Option<isize> {
        self.relative(self.transport)
    }

    fn relative(&self, offset: usize) -> Option<isize> {
        if offset == UNSET { None } else { offset.checked_signed_diff(self.start) }
    }

    /// Moves the data to the link header, where a bridge or a tap wants it; without one nothing moves.
    #[inline]
    pub fn data_to_mac_header(&mut self) {
        Self::move_data(&mut self.start, self.mac, self.buf.len());
    }

    /// Moves the data to the network header; without one nothing moves.
    #[inline]
    pub fn data_to_network_header(&mut self) {
        Self::move_data(&mut self.start, self.network, self.buf.len());
    }

    /// Moves the data to the transport header; without one nothing moves.
    #[inline]
    pub fn data_to_transport_header(&mut self) {
        Self::move_data(&mut self.start, self.transport, self.buf.len());
    }

    fn move_data(start: &mut usize, header: usize, end: usize) {
        if header <= end {
            *start = header;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pulled_bytes_come_back_when_pushed() {
        let mut skb = Skb::from_slice(&[1, 2, 3, 4]);
        assert_eq!(skb.pull(3), Some(&[1, 2, 3][..]));
        assert_eq!(skb.data(), [4]);
        assert_eq!(skb.push(2), [2, 3]);
        assert_eq!(skb.data(), [2, 3, 4]);
    }

    #[test]
    fn pulling_more_than_there_is_changes_nothing() {
        let mut skb = Skb::from_slice(&[1, 2]);
        assert_eq!(skb.pull(3), None);
        assert_eq!(skb.pull(usize::MAX), None);
        assert_eq!(skb.data(), [1, 2]);
    }

    #[test]
    fn header_offsets_survive_push_pull_and_growing_headroom() {
        let mut skb = Skb::from_slice(b"eeiitt");
        skb.reset_mac_header();
        assert!(skb.pull(2).is_some());
        skb.reset_network_header();
        skb.set_transport_header(2);
        assert_eq!(skb.mac_header(), b"eeiitt");
        assert_eq!(skb.network_header(), b"iitt");
        assert_eq!(skb.transport_header(), b"tt");
        skb.push(1000);
        assert_eq!(skb.mac_header(), b"eeiitt");
        assert_eq!(skb.network_header(), b"iitt");
        assert_eq!(skb.transport_header(), b"tt");
        assert_eq!(skb.network_offset(), Some(1000));
        assert_eq!(skb.mac_offset(), Some(998));
        skb.data_to_network_header();
        assert_eq!(skb.data(), b"iitt");
        assert_eq!(skb.mac_offset(), Some(-2));
    }

    #[test]
    fn an_unset_header_is_empty() {
        let mut skb = Skb::from_slice(&[1]);
        assert!(skb.mac_header().is_empty());
        assert!(skb.network_header_mut().is_empty());
        assert_eq!(skb.transport_offset(), None);
        skb.data_to_transport_header();
        assert_eq!(skb.data(), [1]);
    }

    #[test]
    fn trim_only_shortens() {
        let mut skb = Skb::from_slice(&[1, 2, 3]);
        skb.trim(5);
        assert_eq!(skb.len(), 3);
        skb.trim(1);
        assert_eq!(skb.data(), [1]);
        skb.trim(usize::MAX);
        assert_eq!(skb.put_zero(2), [0, 0]);
        assert_eq!(skb.data(), [1, 0, 0]);
    }

    #[test]
    fn a_copy_reuses_the_allocation_and_is_equal() {
        let mut from = Skb::from_slice(&[1, 2, 3]);
        from.meta.mark = 5;
        from.reset_network_header();
        let mut to = Skb::from_slice(&[0; 4000]);
        let capacity = to.buf.capacity();
        to.clone_from_skb(&from);
        assert_eq!(format!("{to:?}"), format!("{from:?}"));
        assert_eq!(to.headroom(), from.headroom());
        assert_eq!(to.buf.capacity(), capacity);
    }
}
