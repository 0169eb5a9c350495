//! Numbers as C programs read them: `strtoul(3)` and `strtol(3)` with base 0 or 16.

/// Reads a number at the start of `text`, blanks and a sign before it allowed; returns its magnitude,
/// whether it was negative, and what follows it. With base 0, `0x` leads a hexadecimal and `0` an octal
/// number. `None` if there is no digit or the magnitude does not fit.
fn leading(text: &str, base: u32) -> Option<(u64, bool, &str)> {
    let blank = |c: char| c.is_ascii_whitespace() || c == '\x0b';
    let text = text.trim_start_matches(blank);
    let (negative, text) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let hex = text
        .strip_prefix("0x")
        .or_else(|| text.strip_prefix("0X"))
        .filter(|digits| digits.starts_with(|c: char| c.is_ascii_hexdigit()));
    let (base, digits) = match (base, hex) {
        (0 | 16, Some(digits)) => (16, digits),
        (0, None) if text.starts_with('0') => (8, text),
        (0, None) => (10, text),
        (base, _) => (base, text),
    };
    let end = digits.find(|c: char| !c.is_digit(base)).unwrap_or(digits.len());
    if end == 0 {
        return None;
    }
    let value = u64::from_str_radix(&digits[..end], base).ok()?;
    Some((value, negative, &digits[end..]))
}

/// The number that `text` starts with, as `strtoul(3)` finds it, and what follows.
pub fn strtoul(text: &str, base: u32) -> Option<(u64, &str)> {
    let (value, negative, rest) = leading(text, base)?;
    Some((if negative { value.wrapping_neg() } else { value }, rest))
}

/// All of `text` as an unsigned number of 64 bits (`get_u64()`).
pub fn u64(text: &str) -> Option<u64> {
    strtoul(text, 0).filter(|(_, rest)| rest.is_empty()).map(|(value, _)| value)
}

/// All of `text` as an unsigned number of 32 bits (`get_u32()`, `get_unsigned()`).
pub fn u32(text: &str) -> Option<u32> {
    u64(text).and_then(|value| value.try_into().ok())
}

/// All of `text` as an unsigned number of 16 bits (`get_u16()`).
pub fn u16(text: &str) -> Option<u16> {
    u64(text).and_then(|value| value.try_into().ok())
}

/// All of `text` as an unsigned number of 8 bits (`get_u8()`).
pub fn u8(text: &str) -> Option<u8> {
    u64(text).and_then(|value| value.try_into().ok())
}

/// All of `text` as a signed number of 32 bits (`get_integer()`, `get_s32()`).
pub fn i32(text: &str) -> Option<i32> {
    let (value, negative, rest) = leading(text, 0)?;
    let value = i64::try_from(value).ok().filter(|_| rest.is_empty())?;
    i32::try_from(if negative { -value } else { value }).ok()
}

/// The decimal number that `text` starts with, 0 if there is none (`atoi(3)`).
pub fn atoi(text: &str) -> i32 {
    let Some((value, negative, _)) = leading(text, 10) else { return 0 };
    let value = i64::try_from(value).unwrap_or(i64::MAX);
    let signed = if negative { -value } else { value };
    // The excess bits are cut off, as the conversion from long to int does.
    let low = u32::try_from(signed.rem_euclid(1 << 32)).expect("a remainder of 2^32");
    low.cast_signed()
}

/// The decimal number that `text` starts with, 0 if there is none, and the nearest one that fits (`atoll(3)`).
pub fn atoll(text: &str) -> i64 {
    let text = text.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '\x0b');
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    let magnitude = match digits[..end].parse::<i128>() {
        Ok(magnitude) => magnitude,
        Err(_) if end == 0 => 0,
        Err(_) => i128::MAX,
    };
    let value = if text.starts_with('-') { -magnitude } else { magnitude };
    let (least, most) = (i128::from(i64::MIN), i128::from(i64::MAX));
    i64::try_from(value.clamp(least, most)).expect("it was clamped")
}

/// The longest start of `text` that is a number, and what follows it; 0 if there is none
/// (`strtod(3)`, of decimal digits).
pub fn strtod(text: &str) -> (f64, &str) {
    let ends = (1..=text.len()).rev().filter(|end| text.is_char_boundary(*end));
    for end in ends {
        if let Ok(number) = text[..end].parse() {
            return (number, &text[end..]);
        }
    }
    (0.0, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_0_follows_c_literals() {
        for (text, value) in [("10", 10), ("0x10", 16), ("010", 8), (" 7", 7), ("+7", 7), ("0", 0)]
        {
            assert_eq!(u32(text), Some(value), "{text:?}");
        }
        for text in ["", "x", "0x", "08", "1 ", "4294967296", "-1"] {
            assert_eq!(u32(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_negative_number_wraps_in_64_bits() {
        assert_eq!(u64("-1"), Some(u64::MAX));
    }

    #[test]
    fn signed_numbers_have_32_bits() {
        assert_eq!(i32("-2147483648"), Some(i32::MIN));
        assert_eq!(i32("2147483648"), None);
        assert_eq!(i32("-0x10"), Some(-16));
    }

    #[test]
    fn atoi_takes_what_it_can() {
        assert_eq!(atoi("12abc"), 12);
        assert_eq!(atoi("abc"), 0);
        assert_eq!(atoi("-3"), -3);
    }

    #[test]
    fn atoll_stops_at_the_ends_of_64_bits() {
        assert_eq!(atoll(" +12abc"), 12);
        assert_eq!(atoll("-3"), -3);
        assert_eq!(atoll("--3"), 0);
        assert_eq!(atoll("99999999999999999999"), i64::MAX);
        assert_eq!(atoll("-99999999999999999999"), i64::MIN);
        assert_eq!(atoll(&"9".repeat(99)), i64::MAX);
    }
}
