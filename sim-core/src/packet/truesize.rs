//! How much memory a packet is charged as.

/// Returns the memory that a packet of `len` bytes from its network header on takes in the kernel
/// (`skb->truesize`), in bytes.
///
/// Observed on Linux 6.18 for packets whose buffer a sending socket allocated: the structure takes 256
/// bytes, and the buffer is the smallest slab that holds the packet, 31 bytes for the link header and
/// 320 bytes behind it.
#[must_use]
pub const fn truesize(len: usize) -> usize {
    const STRUCT: usize = 256;
    const SMALL_HEAD: usize = 576;
    let need = len + 31 + 320;
    STRUCT + if need <= SMALL_HEAD { SMALL_HEAD } else { need.next_power_of_two() }
}
