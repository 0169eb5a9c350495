//! A bounded free list of buffers, so that a warm simulation allocates nothing per packet.

use super::skb::Skb;

/// How many free buffers a pool keeps unless told otherwise.
pub const DEFAULT_POOL_LIMIT: usize = 1024;

/// Buffers that are not in use, ready to be taken again.
#[derive(Debug)]
pub struct SkbPool {
    #[expect(clippy::vec_box, reason = "the boxes are what is handed out and taken back")]
    free: Vec<Box<Skb>>,
    limit: usize,
}

impl Default for SkbPool {
    fn default() -> Self {
        Self::new(DEFAULT_POOL_LIMIT)
    }
}

/// A copy of a pool has its limit and no free buffer: those hold nothing worth a copy.
impl Clone for SkbPool {
    fn clone(&self) -> Self {
        Self::new(self.limit)
    }
}

impl SkbPool {
    /// Creates an empty pool that keeps at most `limit` free buffers.
    #[must_use]
    pub const fn new(limit: usize) -> Self {
        Self { free: Vec::new(), limit }
    }

    /// Takes an empty buffer: a used one if there is one, else a new one.
    #[must_use]
    pub fn take(&mut self) -> Box<Skb> {
        self.free.pop().unwrap_or_default()
    }

    /// Takes a buffer and makes it a copy of `skb` (`skb_copy()`).
    #[must_use]
    pub fn take_copy(&mut self, skb: &Skb) -> Box<Skb> {
        let mut copy = self.take();
        copy.clone_from_skb(skb);
        copy
    }

    /// Takes a buffer and puts `bytes` into it.
    #[must_use]
    pub fn take_with(&mut self, bytes: &[u8]) -> Box<Skb> {
        let mut skb = self.take();
        skb.put(bytes);
        skb
    }

    /// Gives a buffer back (`kfree_skb()`); a full pool frees it.
    pub fn give(&mut self, mut skb: Box<Skb>) {
        if self.free.len() < self.limit {
            skb.reset();
            self.free.push(skb);
        }
    }

    /// Returns how many free buffers the pool holds.
    #[must_use]
    pub fn free(&self) -> usize {
        self.free.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::skb::DEFAULT_HEADROOM;

    #[test]
    fn a_given_buffer_is_taken_again_and_is_empty() {
        let mut pool = SkbPool::new(1);
        let mut skb = pool.take_with(&[7; 100]);
        skb.meta.mark = 9;
        skb.reset_mac_header();
        let address = skb.data().as_ptr();
        pool.give(skb);
        let again = pool.take_with(&[8]);
        assert_eq!(again.data().as_ptr(), address);
        assert_eq!(again.data(), [8]);
        assert_eq!(again.meta.mark, 0);
        assert!(!again.mac_header_was_set());
        assert_eq!(again.headroom(), DEFAULT_HEADROOM);
    }

    #[test]
    fn a_full_pool_frees_what_it_is_given() {
        let mut pool = SkbPool::new(2);
        for _ in 0..5 {
            pool.give(Box::default());
        }
        assert_eq!(pool.free(), 2);
    }
}
