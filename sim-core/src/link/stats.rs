//! Device counters, as `ip -s link` shows them.

/// Packets and bytes in one direction (`struct rtnl_link_stats64`).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Counters {
    /// Frames passed.
    pub packets: u64,
    /// Bytes in those frames, link header included.
    pub bytes: u64,
    /// Frames that could not be passed.
    pub errors: u64,
    /// Frames dropped for want of room or of a way on.
    pub dropped: u64,
}

impl Counters {
    /// Counts one frame of `bytes` bytes.
    pub fn count(&mut self, bytes: usize) {
        self.packets += 1;
        self.bytes += bytes as u64;
    }
}

/// A device's counters.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct LinkStats {
    /// Received.
    pub rx: Counters,
    /// Transmitted.
    pub tx: Counters,
    /// Received frames with a group address.
    pub multicast: u64,
    /// Received frames that were malformed; also among the errors.
    pub rx_frame_errors: u64,
    /// Received IPv4 packets in frames for another station (`rx_otherhost_dropped`).
    pub rx_otherhost: u64,
    /// Transmissions that met themselves: a tunnel that leads into itself.
    pub collisions: u64,
    /// Transmissions that failed because the device had no carrier.
    pub tx_carrier_errors: u64,
}
