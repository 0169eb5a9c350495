//! Taking the lines of a file apart that `iptables-restore` reads.

use crate::libc::number;
use crate::netfilter::xtables::table::Counters;

/// A line is read in pieces of so many bytes at most (`char buffer[10240]`).
const MAX_LINE: usize = 10_239;

/// The longest word, in bytes.
const MAX_WORD: usize = 1023;

/// The most words of a line, the program's name among them.
const MAX_WORDS: usize = 254;

/// The lines of a text, each with its line feed, as `fgets(3)` reads them.
pub(super) fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive('\n').flat_map(|line| {
        let mut rest = line;
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let end = rest.floor_char_boundary(MAX_LINE);
            let (piece, more) = rest.split_at(end);
            rest = more;
            Some(piece)
        })
    })
}

/// Words between blanks (`strtok(3)`).
pub(super) fn tokens(text: &str) -> impl Iterator<Item = &str> {
    text.split([' ', '\t', '\n']).filter(|token| !token.is_empty())
}

/// Counters in square brackets.
pub(super) fn counters(text: &str) -> Option<Counters> {
    let (packets, rest) = number::strtoul(text.strip_prefix('[')?, 10)?;
    let (bytes, _) = number::strtoul(rest.strip_prefix(':')?, 10)?;
    Some(Counters { packets, bytes })
}

/// What stands in a line, and what follows it.
type Counted<'l> = (Option<(&'l str, &'l str)>, &'l str);

/// The counters in front of a rule, and the rest of the line. The error is the character that is missing.
pub(super) fn rule_counters(line: &str) -> Result<Counted<'_>, char> {
    let Some(inside) = line.strip_prefix('[') else { return Ok((None, line)) };
    let Some(end) = line.find(']') else { return Err(']') };
    let rest = &line[end + 1..];
    let inside = inside.trim_start_matches(':');
    let Some((packets, bytes)) = inside.split_once(':') else { return Err(']') };
    let bytes = bytes.split(']').next().unwrap_or_default();
    if packets.is_empty() {
        return Err(':');
    }
    if bytes.is_empty() {
        return Err(']');
    }
    Ok((Some((packets, bytes)), rest))
}

/// Adds the words of a line: blanks separate them, double quotes hold them together, and a backslash within quotes
/// takes its meaning from what follows it.
pub(super) fn words(line: &str, words: &mut Vec<String>) -> Result<(), &'static str> {
    let mut word = String::new();
    let (mut is_quoted, mut is_escaped) = (false, false);
    let mut end = |word: &mut String| {
        // The program's own name is one too.
        if words.len() + 2 > MAX_WORDS {
            return Err("Parser cannot handle more arguments");
        }
        words.push(std::mem::take(word));
        Ok(())
    };
    for c in line.chars() {
        match (is_quoted, c) {
            (true, _) if is_escaped => {
                word.push(c);
                is_escaped = false;
            }
            (true, '\\') => is_escaped = true,
            (true, '"') => {
                is_quoted = false;
                end(&mut word)?;
            }
            (false, '"') => is_quoted = true,
            (false, ' ' | '\t' | '\n') => {
                if !word.is_empty() {
                    end(&mut word)?;
                }
            }
            (_, c) => word.push(c),
        }
        if word.len() > MAX_WORD {
            return Err("Parameter too long!");
        }
    }
    if !word.is_empty() {
        end(&mut word)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(line: &str) -> Vec<String> {
        let mut all = Vec::new();
        words(line, &mut all).unwrap();
        all
    }

    /// Seen with `iptables-restore`.
    #[test]
    fn quotes_hold_words_together_and_end_them() {
        assert_eq!(split("-A  x \t-j y\n"), ["-A", "x", "-j", "y"]);
        assert_eq!(split(r#"a "b c" "" d"#), ["a", "b c", "", "d"]);
        assert_eq!(split(r#"a "b\"c\\d" 'e f'"#), ["a", r#"b"c\d"#, "'e", "f'"]);
        assert_eq!(split(r#"a"b c"d"#), ["ab c", "d"]);
    }

    #[test]
    fn counters_stand_in_front_of_a_rule() {
        assert_eq!(rule_counters("[3:4] -A x"), Ok((Some(("3", "4")), " -A x")));
        assert_eq!(rule_counters("-A x"), Ok((None, "-A x")));
        assert_eq!(rule_counters("[3:4 -A x"), Err(']'));
        assert_eq!(counters("[3:4]"), Some(Counters { packets: 3, bytes: 4 }));
        assert_eq!(counters("3:4"), None);
    }
}
