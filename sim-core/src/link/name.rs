//! Device names.

use std::fmt;
use std::str::FromStr;

/// The longest name, `IFNAMSIZ - 1` bytes.
pub const MAX_NAME_LEN: usize = 15;

/// A network device's name: 1 to 15 bytes, no slash, no blank, not `.` or `..`.
#[derive(Clone, Copy, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct DevName {
    bytes: [u8; MAX_NAME_LEN],
    len: u8,
}

impl DevName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..usize::from(self.len)]).expect("made from a str")
    }
}

/// The text cannot name a device (`dev_valid_name()`).
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not a valid device name")]
pub struct InvalidName;

impl FromStr for DevName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let odd = |b: u8| b == b'/' || b == b':' || b == 0x0b || b.is_ascii_whitespace();
        if text.is_empty()
            || text.len() > MAX_NAME_LEN
            || matches!(text, "." | "..")
            || text.bytes().any(odd)
        {
            return Err(InvalidName);
        }
        let mut bytes = [0; MAX_NAME_LEN];
        bytes[..text.len()].copy_from_slice(text.as_bytes());
        Ok(Self { bytes, len: u8::try_from(text.len()).map_err(|_| InvalidName)? })
    }
}

impl fmt::Display for DevName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for DevName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_kernel_refuses_are_refused() {
        for text in ["", ".", "..", "a/b", "a:b", "a b", "sixteencharacter"] {
            assert_eq!(text.parse::<DevName>(), Err(InvalidName), "{text:?}");
        }
    }

    #[test]
    fn fifteen_bytes_fit() {
        let name: DevName = "fifteencharacte".parse().unwrap();
        assert_eq!(name.to_string(), "fifteencharacte");
    }
}
