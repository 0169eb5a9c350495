//! Quoting for `iptables-save` (`xtables_save_string()`).

/// Whether a byte needs no quotes around its word.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_-".contains(&byte)
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
}
