//! Names and identifiers that are drawn.

use sim_core::rng::Stream;

/// The letters of suffixes: no vowels, for no words to come out, and nothing that looks like something else
/// (`rand.String()`).
pub(crate) const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
/// How many letters a suffix has.
const SUFFIX: usize = 5;
/// How long a name is at most before its suffix.
const MAX_BASE: usize = 58;

/// A name that begins with `base` (`SimpleNameGenerator`).
pub(crate) fn name(base: &str, stream: &mut Stream) -> String {
    let bound = u32::try_from(LETTERS.len()).unwrap_or(u32::MAX);
    let mut letter = || {
        let index = usize::try_from(stream.below(bound)).unwrap_or(0);
        LETTERS.get(index).map_or('b', |letter| char::from(*letter))
    };
    let suffix: String = (0..SUFFIX).map(|_| letter()).collect();
    let base: String = base.chars().take(MAX_BASE).collect();
    format!("{base}{suffix}")
}

/// An identifier, in the form of a UUID that was drawn (version 4).
pub(crate) fn uid(stream: &mut Stream) -> String {
    let (high, low) = (stream.next_u64(), stream.next_u64());
    let (time, node) =
        (high & 0xffff_ffff_ffff_0fff | 0x4000, low & 0x3fff_ffff_ffff_ffff | 1 << 63);
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        time >> 32,
        time >> 16 & 0xffff,
        time & 0xffff,
        node >> 48,
        node & 0xffff_ffff_ffff
    )
}

#[cfg(test)]
mod tests {
    use sim_core::rng::SimRng;

    use super::*;

    #[test]
    fn a_name_has_five_letters_after_at_most_58() {
        let mut rng = SimRng::new(1);
        let name = name(&"a".repeat(80), rng.stream("t"));
        assert_eq!(name.len(), 63);
        assert!(name[58..].bytes().all(|byte| LETTERS.contains(&byte)));
    }

    #[test]
    fn an_identifier_says_that_it_was_drawn() {
        let uid = uid(SimRng::new(1).stream("t"));
        let lengths: Vec<usize> = uid.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12]);
        assert_eq!(&uid[14..15], "4");
        assert!("89ab".contains(&uid[19..20]));
    }
}
