//! The matches: one file each.

mod comment;

use crate::errno::Errno;
use crate::kernel::{Flight, Kernel};
use crate::netfilter::xtables::extension::{Extension, Place};
use crate::netfilter::xtables::packet::Seen;

pub use comment::Comment;

/// What a match says about a packet.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Matched {
    /// The rule may apply.
    Yes,
    /// The rule does not apply.
    No,
    /// The packet is malformed and ends here (`hotdrop`).
    Malformed,
}

impl From<bool> for Matched {
    fn from(yes: bool) -> Self {
        if yes { Self::Yes } else { Self::No }
    }
}

/// A match, as the kernel runs it.
pub trait MatchExtension: Extension {
    /// Whether rules with it need connection tracking (`nf_ct_netns_get()`).
    const NEEDS_CONNTRACK: bool = false;

    /// Judges where it is loaded (`checkentry()`).
    ///
    /// # Errors
    /// What the kernel answers.
    fn admit(&self, _place: &Place<'_>) -> Result<(), Errno> {
        Ok(())
    }

    /// What it remembers when it is loaded.
    fn state(&self) -> MatchState {
        MatchState::None
    }

    /// Judges the packet at the network header of `f.skb` (`match()`).
    fn matches(&self, k: &mut Kernel, f: &Flight, seen: &Seen, state: &mut MatchState) -> Matched;
}

/// What a match remembers between packets.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum MatchState {
    /// Nothing.
    #[default]
    None,
}

/// Declares [`Match`]: one variant an extension.
macro_rules! matches {
    ($($name:ident),* $(,)?) => {
        /// A match with its options.
        #[derive(Clone, Debug, PartialEq)]
        #[expect(missing_docs, reason = "each is named like its extension")]
        pub enum Match {
            $($name($name),)*
        }

        $(impl From<$name> for Match {
            fn from(extension: $name) -> Self {
                Self::$name(extension)
            }
        })*

        impl Match {
            /// Its name.
            #[must_use]
            pub const fn name(&self) -> &'static str {
                match self { $(Self::$name(_) => <$name as Extension>::NAME,)* }
            }

            /// Whether rules with it need connection tracking.
            #[must_use]
            pub const fn needs_conntrack(&self) -> bool {
                match self { $(Self::$name(_) => <$name as MatchExtension>::NEEDS_CONNTRACK,)* }
            }

            /// Judges where it is loaded.
            ///
            /// # Errors
            /// What the kernel answers.
            pub fn admit(&self, place: &Place<'_>) -> Result<(), Errno> {
                match self { $(Self::$name(m) => m.admit(place),)* }
            }

            /// What it remembers when it is loaded.
            #[must_use]
            pub fn state(&self) -> MatchState {
                match self { $(Self::$name(m) => m.state(),)* }
            }

            /// Judges a packet.
            pub fn matches(
                &self,
                k: &mut Kernel,
                f: &Flight,
                seen: &Seen,
                state: &mut MatchState,
            ) -> Matched {
                match self { $(Self::$name(m) => m.matches(k, f, seen, state),)* }
            }

            /// Writes what makes it again.
            pub fn save(&self, style: crate::netfilter::xtables::extension::Style, out: &mut String) {
                match self { $(Self::$name(m) => m.save(style, out),)* }
            }

            /// Writes what `-L` shows.
            pub fn print(&self, style: crate::netfilter::xtables::extension::Style, out: &mut String) {
                match self { $(Self::$name(m) => m.print(style, out),)* }
            }
        }

        /// All matches: how a command line finds them.
        pub const MATCHES: &[crate::netfilter::xtables::registry::Entry<Match>] =
            &[$(crate::netfilter::xtables::registry::Entry::of::<$name>(),)*];
    };
}

matches! { Comment }
