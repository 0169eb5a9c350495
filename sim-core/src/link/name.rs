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
    /// A label of an address, which has a name's length but may hold any byte, above all the colon of
    /// `eth0:1`.
    ///
    /// # Errors
    ///
    /// It is empty or too long.
    pub fn label(text: &str) -> Result<Self, InvalidName> {
        let mut bytes = [0; MAX_NAME_LEN];
        bytes.get_mut(..text.len()).ok_or(InvalidName)?.copy_from_slice(text.as_bytes());
        let len = u8::try_from(text.len()).map_err(|_| InvalidName)?;
        if len == 0 { Err(InvalidName) } else { Ok(Self { bytes, len }) }
    }

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
        if matches!(text, "." | "..") || text.bytes().any(odd) {
            return Err(InvalidName);
        }
        Self::label(text)
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
    fn a_label_may_hold_a_colon() {
        assert_eq!(DevName::label("eth0:1").unwrap().as_str(), "eth0:1");
        assert_eq!(DevName::label("sixteencharacter"), Err(InvalidName));
    }

    #[test]
    fn fifteen_bytes_fit() {
        let name: DevName = "fifteencharacte".parse().unwrap();
        assert_eq!(name.to_string(), "fifteencharacte");
    }
}
