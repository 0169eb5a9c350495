//! Patterns with `*`, `?` and `[...]`, as `fnmatch(3)` matches them without flags.

/// Whether all of `text` fits `pattern`.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    fits(&pattern, &text)
}

fn fits(pattern: &[char], text: &[char]) -> bool {
    let Some((first, rest)) = pattern.split_first() else { return text.is_empty() };
    match first {
        '*' => (0..=text.len()).any(|skip| fits(rest, &text[skip..])),
        '?' => !text.is_empty() && fits(rest, &text[1..]),
        '[' => match (class(rest), text.split_first()) {
            (Some((class, rest)), Some((c, text))) => class.holds(*c) && fits(rest, text),
            (None, Some(('[', text))) => fits(rest, text),
            (_, None) | (None, Some(_)) => false,
        },
        '\\' => match (rest.split_first(), text.split_first()) {
            (Some((wanted, rest)), Some((c, text))) => wanted == c && fits(rest, text),
            (None, _) | (_, None) => false,
        },
        c => text.first() == Some(c) && fits(rest, &text[1..]),
    }
}

struct Class<'p> {
    members: &'p [char],
    inverted: bool,
}

impl Class<'_> {
    fn holds(&self, c: char) -> bool {
        let mut members = self.members;
        let mut found = false;
        while let Some((first, rest)) = members.split_first() {
            match rest {
                ['-', last, rest @ ..] => {
                    found |= (*first..=*last).contains(&c);
                    members = rest;
                }
                _ => {
                    found |= *first == c;
                    members = rest;
                }
            }
        }
        found != self.inverted
    }
}

/// The class behind an opening bracket, and what follows it; a bracket right at its start is a member.
fn class(pattern: &[char]) -> Option<(Class<'_>, &[char])> {
    let (inverted, body) = match pattern {
        ['!' | '^', body @ ..] => (true, body),
        body => (false, body),
    };
    let end = body.iter().skip(1).position(|c| *c == ']')? + 1;
    Some((Class { members: &body[..end], inverted }, &body[end + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_fit_as_in_fnmatch() {
        for (pattern, text, fit) in [
            ("eth0", "eth0", true),
            ("eth*", "eth0:1", true),
            ("eth?", "eth", false),
            ("e[st]h0", "eth0", true),
            ("e[!t]h0", "eth0", false),
            ("[a-f]th0", "eth0", true),
            ("[]e]th0", "eth0", true),
            ("\\*", "*", true),
            ("[", "[", true),
        ] {
            assert_eq!(matches(pattern, text), fit, "{pattern} {text}");
        }
    }
}
