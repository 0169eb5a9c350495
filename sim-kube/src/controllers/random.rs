//! What is drawn at random: the ends of names, and the identifiers of objects.

use sim_core::rng::SimRng;

use crate::api::random::{self, LETTERS};

/// Makes a name that starts with `base` and ends in five letters, and that is not taken.
pub(super) fn name(
    rng: &mut SimRng,
    stream: &'static str,
    base: &str,
    mut is_taken: impl FnMut(&str) -> bool,
) -> String {
    loop {
        let name = random::name(base, rng.stream(stream));
        if !is_taken(&name) {
            return name;
        }
    }
}

/// Makes text safe for names, letter by letter (`SafeEncodeString()`).
pub(super) fn safe_encode(text: &str) -> String {
    let letters = text.bytes().map(|byte| LETTERS[usize::from(byte) % LETTERS.len()]);
    letters.map(char::from).collect()
}

/// Draws the identifier of an object.
pub(super) fn uid(rng: &mut SimRng) -> String {
    random::uid(rng.stream("kube.uid"))
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
}
