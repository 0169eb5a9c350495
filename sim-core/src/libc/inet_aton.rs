//! IPv4 addresses in all the forms that `inet_aton(3)` takes: `10.2` is `10.0.0.2`.

use std::net::Ipv4Addr;

/// Reads one to four numbers, each decimal, octal after `0` or hexadecimal after `0x`; the last one
/// fills all the bytes that are left.
#[must_use]
pub fn inet_aton(text: &str) -> Option<Ipv4Addr> {
    let numbers = text.split('.').map(number).collect::<Option<Vec<u32>>>()?;
    let (last, bytes) = numbers.split_last()?;
    if bytes.len() > 3 || bytes.iter().any(|b| *b > 0xff) {
        return None;
    }
    let width = 32 - 8 * u32::try_from(bytes.len()).ok()?;
    if width < 32 && last >> width != 0 {
        return None;
    }
    let front = bytes.iter().zip([24, 16, 8]).fold(0, |sum, (byte, shift)| sum | byte << shift);
    Some(Ipv4Addr::from_bits(front | last))
}

fn number(text: &str) -> Option<u32> {
    let (digits, radix) = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(hex) => (hex, 16),
        None if text.len() > 1 && text.starts_with('0') => (&text[1..], 8),
        None => (text, 10),
    };
    if digits.starts_with(['+', '-']) {
        return None;
    }
    u32::from_str_radix(digits, radix).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seen with `ping` on Linux.
    #[test]
    fn short_octal_and_hexadecimal_forms_are_addresses() {
        for (text, address) in [
            ("0", [0, 0, 0, 0]),
            ("10.2", [10, 0, 0, 2]),
            ("010.1", [8, 0, 0, 1]),
            ("0x7f000001", [127, 0, 0, 1]),
            ("2130706433", [127, 0, 0, 1]),
            ("1.2.3.4", [1, 2, 3, 4]),
        ] {
            assert_eq!(inet_aton(text), Some(Ipv4Addr::from(address)), "{text}");
        }
    }

    #[test]
    fn what_is_no_address_is_a_name() {
        for text in
            ["", "256.0.0.1", "1.2.3.4.5", "127.0.0.256", "1.2.3.", "nope", "1.+2", "0x", "08"]
        {
            assert_eq!(inet_aton(text), None, "{text}");
        }
    }
}
