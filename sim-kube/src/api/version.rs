//! Versions of Kubernetes.

use std::fmt;
use std::str::FromStr;

/// Declares the versions.
macro_rules! versions {
    ($($(#[$attribute:meta])? $version:ident $text:literal)*) => {
        /// A minor version of Kubernetes.
        #[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
        #[expect(missing_docs, reason = "the names are the versions' own")]
        pub enum Version {
            $($(#[$attribute])? $version,)*
        }

        impl Version {
            /// All of them, oldest first.
            pub const ALL: &[Self] = &[$(Self::$version,)*];

            /// As people write it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$version => $text,)*
                }
            }
        }
    };
}

versions! {
    V1_20 "1.20" V1_21 "1.21" V1_22 "1.22" V1_23 "1.23" V1_24 "1.24" V1_25 "1.25" V1_26 "1.26" V1_27 "1.27"
    V1_28 "1.28" V1_29 "1.29" V1_30 "1.30" V1_31 "1.31" V1_32 "1.32" V1_33 "1.33" V1_34 "1.34" V1_35 "1.35"
    #[default] V1_36 "1.36"
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// No such version is modelled.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("Kubernetes {0} is not modelled, only 1.20 to 1.36")]
pub struct UnknownVersion(String);

impl FromStr for Version {
    type Err = UnknownVersion;

    /// Reads `1.36`, and `v1.36.2` as the same.
    fn from_str(text: &str) -> Result<Self, UnknownVersion> {
        let minor = text.strip_prefix('v').unwrap_or(text);
        let is_it = |version: &Self| {
            let patch = minor.strip_prefix(version.as_str());
            patch.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        let known = Self::ALL.iter().copied().find(is_it);
        known.ok_or_else(|| UnknownVersion(text.to_owned()))
    }
}
