//! What is drawn at random: the ends of names, and the identifiers of objects.

use sim_core::rng::SimRng;

/// The letters and digits of names: no vowels, and nothing that looks like one.
const ALPHABET: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";
/// How many of them end a name.
const SUFFIX: usize = 5;
/// How long a name gets at most.
const MAX_NAME: usize = 63;

/// Makes a name that starts with `base` and ends in five letters, and that is not taken.
pub(super) fn name(
    rng: &mut SimRng,
    stream: &'static str,
    base: &str,
    mut is_taken: impl FnMut(&str) -> bool,
) -> String {
    let base: String = base.chars().take(MAX_NAME - SUFFIX).collect();
    loop {
        let name = format!("{base}{}", suffix(rng, stream));
        if !is_taken(&name) {
            return name;
        }
    }
}

fn suffix(rng: &mut SimRng, stream: &'static str) -> String {
    let stream = rng.stream(stream);
    let letters = std::iter::repeat_with(|| stream.below(27));
    letters.take(SUFFIX).map(|i| letter(usize::try_from(i).unwrap_or(0))).collect()
}

/// Makes text safe for names, letter by letter, as `SafeEncodeString()` does.
pub(super) fn safe_encode(text: &str) -> String {
    text.bytes().map(|byte| letter(byte.into())).collect()
}

fn letter(i: usize) -> char {
    char::from(ALPHABET[i % ALPHABET.len()])
}

/// Draws the identifier of an object: a random UUID (RFC 9562, version 4).
pub(super) fn uid(rng: &mut SimRng) -> String {
    let stream = rng.stream("kube.uid");
    let (high, low) = (stream.next_u64(), stream.next_u64());
    let version = high & !0xf000 | 0x4000;
    let variant = low & !(0xc000 << 48) | 0x8000 << 48;
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        version >> 32,
        version >> 16 & 0xffff,
        version & 0xffff,
        variant >> 48,
        variant & 0xffff_ffff_ffff,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The digits of the hashes that real pods are called by: 75675f5897 is one of nginx-deployment-75675f5897.
    #[test]
    fn hashes_are_written_with_ten_of_the_letters() {
        assert_eq!(safe_encode("0123456789"), "456789bcdf");
    }

    #[test]
    fn a_name_that_is_taken_is_drawn_again() {
        let mut rng = SimRng::new(5);
        let first = name(&mut rng, "kube.pod", "web-", |_| false);
        let mut rng = SimRng::new(5);
        let second = name(&mut rng, "kube.pod", "web-", |name| name == first);
        assert_ne!(first, second);
        assert!(second.starts_with("web-") && second.len() == 9, "{second}");
    }

    #[test]
    fn a_long_name_is_cut_for_its_end() {
        let made = name(&mut SimRng::new(0), "kube.pod", &"x".repeat(80), |_| false);
        assert_eq!(made.len(), 63);
        assert!(made.starts_with(&"x".repeat(58)));
    }

    #[test]
    fn an_identifier_says_that_it_is_random() {
        let uid = uid(&mut SimRng::new(1));
        let parts: Vec<&str> = uid.split('-').collect();
        assert_eq!(parts.iter().map(|part| part.len()).collect::<Vec<_>>(), [8, 4, 4, 4, 12]);
        assert!(parts[2].starts_with('4') && parts[3].starts_with(['8', '9', 'a', 'b']), "{uid}");
    }
}
