//! The generations of kube-proxy.

use std::fmt;
use std::str::FromStr;

/// A kube-proxy whose rules are known.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub enum Version {
    /// 1.20, with the chains of its time (`KUBE-XLB`, `KUBE-MARK-DROP`).
    V1_20,
    /// 1.30.
    V1_30,
    /// 1.36.
    #[default]
    V1_36,
}

impl Version {
    /// All of them, oldest first.
    pub const ALL: [Self; 3] = [Self::V1_20, Self::V1_30, Self::V1_36];

    /// As people write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V1_20 => "1.20",
            Self::V1_30 => "1.30",
            Self::V1_36 => "1.36",
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// No kube-proxy of this version is known.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("no rules of kube-proxy {0} are known, only of 1.20, 1.30 and 1.36")]
pub struct UnknownVersion(String);

impl FromStr for Version {
    type Err = UnknownVersion;

    fn from_str(text: &str) -> Result<Self, UnknownVersion> {
        let minor = text.strip_prefix('v').unwrap_or(text);
        let known = Self::ALL.into_iter().find(|version| {
            let patch = minor.strip_prefix(version.as_str());
            patch.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        });
        known.ok_or_else(|| UnknownVersion(text.to_owned()))
    }
}
