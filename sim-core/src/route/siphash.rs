//! SipHash-2-4 (Aumasson and Bernstein, 2012) over whole words.

/// The state of the hash.
struct State([u64; 4]);

impl State {
    fn round(&mut self) {
        let [a, b, c, d] = &mut self.0;
        *a = a.wrapping_add(*b);
        *c = c.wrapping_add(*d);
        *b = b.rotate_left(13) ^ *a;
        *d = d.rotate_left(16) ^ *c;
        *a = a.rotate_left(32);
        *c = c.wrapping_add(*b);
        *a = a.wrapping_add(*d);
        *b = b.rotate_left(17) ^ *c;
        *d = d.rotate_left(21) ^ *a;
        *c = c.rotate_left(32);
    }

    fn take(&mut self, word: u64) {
        self.0[3] ^= word;
        self.round();
        self.round();
        self.0[0] ^= word;
    }
}

/// The hash of `words`, each 8 bytes in little-endian order, under `key`.
#[must_use]
pub(crate) fn siphash(key: [u64; 2], words: &[u64]) -> u64 {
    let mut state = State([
        key[0] ^ 0x736f_6d65_7073_6575,
        key[1] ^ 0x646f_7261_6e64_6f6d,
        key[0] ^ 0x6c79_6765_6e65_7261,
        key[1] ^ 0x7465_6462_7974_6573,
    ]);
    for word in words {
        state.take(*word);
    }
    let bytes = u64::try_from(words.len() * 8).unwrap_or(0);
    state.take(bytes << 56);
    state.0[2] ^= 0xff;
    for _ in 0..4 {
        state.round();
    }
    let [a, b, c, d] = state.0;
    a ^ b ^ c ^ d
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The reference implementation's vectors for the bytes 0, 1, 2, ... under the key 0, 1, ..., 15.
    #[test]
    fn the_reference_vectors_come_out() {
        let key = [0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908];
        assert_eq!(siphash(key, &[]), 0x726f_db47_dd0e_0e31);
        assert_eq!(siphash(key, &[0x0706_0504_0302_0100]), 0x93f5_f579_9a93_2462);
    }
}
