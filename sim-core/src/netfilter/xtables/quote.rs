//! Quoting for `iptables-save` (`xtables_save_string()`).

/// Whether a byte needs no quotes around its word.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_-./:,+=@%^".contains(&byte)
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
