//! Quoting for `iptables-save` (`xtables_save_string()`).

use crate::netfilter::xtables::extension::Style;

/// Whether a byte needs no quotes around its word.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_-".contains(&byte)
}

/// Writes `text` as one word, a space in front: quoted if need be, or as it is, as the real tools write some words.
pub fn word(text: &str, style: Style, out: &mut String) {
    if style.quoted {
        save(text, out);
    } else {
        out.push(' ');
        out.push_str(text);
    }
}

/// Writes `text` as one word, a space in front.
pub fn save(text: &str, out: &mut String) {
    out.push(' ');
    if !text.is_empty() && text.bytes().all(is_plain) {
        out.push_str(text);
        return;
    }
    out.push('"');
    for c in text.chars() {
        if matches!(c, '"' | '\\' | '\'') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::family::AddressFamily;
    use crate::netfilter::xtables::lab::match_texts;

    /// Seen with `iptables-save` and `-L`.
    #[test]
    fn a_word_is_quoted_unless_it_has_nothing_but_letters_digits_dashes_and_underscores() {
        for (text, quoted) in [
            ("a_b-c9", "a_b-c9"),
            ("a.b", r#""a.b""#),
            ("", r#""""#),
            (r#"it's \ "x""#, r#""it\'s \\ \"x\"""#),
        ] {
            let (saved, printed) =
                match_texts(AddressFamily::Inet, &["comment", "--comment", text]);
            assert_eq!(saved, format!(" --comment {quoted}"));
            assert_eq!(printed, format!(" /* {text} */"));
        }
    }

    #[test]
    fn names_are_written_bare_like_the_real_tools_do_and_quoted_where_the_rule_is_to_be_made_again()
    {
        for (quoted, written) in [(false, " a b"), (true, r#" "a b""#)] {
            let style = Style { family: AddressFamily::Inet, numeric: true, quoted };
            let mut out = String::new();
            word("a b", style, &mut out);
            assert_eq!(out, written);
        }
    }
}
