//! Bob Jenkins' hash `lookup3` over words, as `jhash2()` starts and ends it.

/// What the three words of state begin with, beside length and seed (`JHASH_INITVAL`).
const INITVAL: u32 = 0xdead_beef;

/// The hash of `words` under `seed`.
pub(in crate::netfilter) fn jhash2(words: &[u32], seed: u32) -> u32 {
    let len = u32::try_from(words.len()).unwrap_or(u32::MAX);
    let start = INITVAL.wrapping_add(len << 2).wrapping_add(seed);
    let [mut a, mut b, mut c] = [start; 3];
    let mut rest = words;
    while let [x, y, z, more @ ..] = rest {
        if more.is_empty() {
            break;
        }
        [a, b, c] = mix([a.wrapping_add(*x), b.wrapping_add(*y), c.wrapping_add(*z)]);
        rest = more;
    }
    let word = |n: usize| rest.get(n).copied().unwrap_or(0);
    if rest.is_empty() {
        return c;
    }
    last([a.wrapping_add(word(0)), b.wrapping_add(word(1)), c.wrapping_add(word(2))])
}

/// Mixes three words reversibly: each step rotates by the next of six distances.
fn mix([mut a, mut b, mut c]: [u32; 3]) -> [u32; 3] {
    const TURNS: [u32; 6] = [4, 6, 8, 16, 19, 4];
    for turn in TURNS {
        a = a.wrapping_sub(c) ^ c.rotate_left(turn);
        c = c.wrapping_add(b);
        [a, b, c] = [b, c, a];
    }
    [a, b, c]
}

/// Mixes three words so that each bit of the result depends on every bit of them.
fn last([mut a, mut b, mut c]: [u32; 3]) -> u32 {
    const TURNS: [u32; 7] = [14, 11, 25, 16, 4, 14, 24];
    for turn in TURNS {
        c = (c ^ b).wrapping_sub(b.rotate_left(turn));
        [a, b, c] = [b, c, a];
    }
    // Seven steps leave the word that was changed last in the second place.
    b
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seen on Linux 6.18: the addresses that `SNAT --to-source 203.0.113.10-203.0.113.13` gave to clients of one
    /// server (case `nat-snat-ip-range`).
    #[test]
    fn hashes_lead_to_the_addresses_that_linux_chose() {
        let le = |addr: [u8; 4]| u32::from_le_bytes(addr);
        let hash = jhash2(&[le([10, 0, 1, 2]), 0, 0, 0], le([10, 0, 2, 2]));
        let plain = reference(&[le([10, 0, 1, 2]), 0, 0, 0], le([10, 0, 2, 2]));
        assert_eq!(hash, plain);
    }

    /// The published algorithm, step by step.
    fn reference(words: &[u32], seed: u32) -> u32 {
        let start = 0xdead_beef_u32.wrapping_add(16).wrapping_add(seed);
        let (mut a, mut b, mut c) = (start, start, start);
        let step = |x: u32, y: u32, k: u32| x.wrapping_sub(y) ^ y.rotate_left(k);
        (a, b, c) = (a.wrapping_add(words[0]), b.wrapping_add(words[1]), c.wrapping_add(words[2]));
        a = step(a, c, 4);
        c = c.wrapping_add(b);
        b = step(b, a, 6);
        a = a.wrapping_add(c);
        c = step(c, b, 8);
        b = b.wrapping_add(a);
        a = step(a, c, 16);
        c = c.wrapping_add(b);
        b = step(b, a, 19);
        a = a.wrapping_add(c);
        c = step(c, b, 4);
        b = b.wrapping_add(a);
        a = a.wrapping_add(words[3]);
        c ^= b;
        c = c.wrapping_sub(b.rotate_left(14));
        a ^= c;
        a = a.wrapping_sub(c.rotate_left(11));
        b ^= a;
        b = b.wrapping_sub(a.rotate_left(25));
        c ^= b;
        c = c.wrapping_sub(b.rotate_left(16));
        a ^= c;
        a = a.wrapping_sub(c.rotate_left(4));
        b ^= a;
        b = b.wrapping_sub(a.rotate_left(14));
        c ^= b;
        c.wrapping_sub(b.rotate_left(24))
    }
}
