//! The words for `-T`: types of service.

/// The differentiated services of RFC 2474, 2597 and 3246, and the older meanings of RFC 791 and 1349.
const KEYWORDS: &[(&str, u8)] = &[
    ("af11", 0x28),
    ("af12", 0x30),
    ("af13", 0x38),
    ("af21", 0x48),
    ("af22", 0x50),
    ("af23", 0x58),
    ("af31", 0x68),
    ("af32", 0x70),
    ("af33", 0x78),
    ("af41", 0x88),
    ("af42", 0x90),
    ("af43", 0x98),
    ("critical", 0xa0),
    ("cs0", 0x00),
    ("cs1", 0x20),
    ("cs2", 0x40),
    ("cs3", 0x60),
    ("cs4", 0x80),
    ("cs5", 0xa0),
    ("cs6", 0xc0),
    ("cs7", 0xe0),
    ("ef", 0xb8),
    ("inetcontrol", 0xc0),
    ("lowcost", 0x02),
    ("lowdelay", 0x10),
    ("netcontrol", 0xe0),
    ("reliability", 0x04),
    ("throughput", 0x08),
];

/// A type of service by name, by hexadecimal or by decimal number.
pub(super) fn parse(text: &str) -> Option<u8> {
    if let Some((_, tos)) = KEYWORDS.iter().find(|(name, _)| *name == text) {
        return Some(*tos);
    }
    let Some(digits) = text.strip_prefix("0x") else { return text.parse().ok() };
    let end = digits.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(digits.len());
    match &digits[..end] {
        "" => Some(0),
        digits => u8::from_str_radix(digits, 16).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    /// Seen on netcat-openbsd 1.219.
    #[test]
    fn names_and_numbers_of_both_kinds_are_types_of_service() {
        for (text, tos) in [("ef", Some(0xb8)), ("0x10", Some(16)), ("16", Some(16))] {
            assert_eq!(parse(text), tos, "{text}");
        }
        for text in ["foo", "300", "-1", "0x100", ""] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
