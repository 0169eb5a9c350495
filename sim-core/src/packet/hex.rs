//! Bytes as hexadecimal digits.

/// Reads an even number of hex digits.
#[must_use]
pub fn from_hex(word: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u32>> = word.chars().map(|c| c.to_digit(16)).collect();
    let digits = digits?;
    if !digits.len().is_multiple_of(2) {
        return None;
    }
    digits.chunks_exact(2).map(|pair| u8::try_from(pair[0] << 4 | pair[1]).ok()).collect()
}

/// Writes bytes as hex digits.
#[must_use]
pub fn to_hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|b| [DIGITS[usize::from(b >> 4)], DIGITS[usize::from(b & 15)]])
        .map(char::from)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_back() {
        assert_eq!(to_hex(&[0, 255, 127, 10]), "00ff7f0a");
        assert_eq!(from_hex("00Ff7f0a"), Some(vec![0, 255, 127, 10]));
        assert_eq!(from_hex(""), Some(Vec::new()));
    }

    #[test]
    fn half_a_byte_and_other_letters_are_refused() {
        for text in ["0", "abc", "0g", "é0"] {
            assert_eq!(from_hex(text), None, "{text}");
        }
    }
}
