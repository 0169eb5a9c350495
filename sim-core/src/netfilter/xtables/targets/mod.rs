//! The targets that are extensions: one file each. `ACCEPT`, `DROP` and `RETURN` are
//! [`Action`](super::rule::Action)s.

mod mark;
mod nfqueue;

use crate::errno::Errno;
use crate::kernel::{Flight, Kernel};
use crate::netfilter::xtables::extension::{Extension, Place};
use crate::netfilter::xtables::packet::Seen;
use crate::trace::{DropReason, Observer};

pub use mark::Mark;
pub use nfqueue::NfQueue;

/// What a target decides.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Sentence {
    /// On with the next rule (`XT_CONTINUE`).
    Continue,
    /// The packet passes the table (`NF_ACCEPT`).
    Accept,
    /// A program decides (`NF_QUEUE`).
    Queue {
        /// The queue it listens to.
        number: u16,
        /// Whether the packet passes if there is no program.
        bypass: bool,
    },
    /// The packet ends (`NF_DROP`).
    Drop(DropReason),
}

/// A target, as the kernel runs it.
pub trait TargetExtension: Extension {
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
    fn state(&self) -> TargetState {
        TargetState::None
    }

    /// Does it to the packet at the network header of `f.skb` (`target()`).
    fn apply<O: Observer>(
        &self,
        k: &mut Kernel,
        f: &mut Flight,
        seen: &Seen,
        state: &mut TargetState,
        o: &mut O,
    ) -> Sentence;
}

/// What a target remembers between packets.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum TargetState {
    /// Nothing.
    #[default]
    None,
}

/// Declares [`Target`]: one variant an extension.
macro_rules! targets {
    ($($name:ident),* $(,)?) => {
        /// A target with its options.
        #[derive(Clone, Debug, PartialEq)]
        #[expect(missing_docs, reason = "each is named like its extension")]
        pub enum Target {
            $($name($name),)*
        }

        $(impl From<$name> for Target {
            fn from(extension: $name) -> Self {
                Self::$name(extension)
            }
        })*

        impl Target {
            /// Its name.
            #[must_use]
            pub const fn name(&self) -> &'static str {
                match self { $(Self::$name(_) => <$name as Extension>::NAME,)* }
            }

            /// Whether rules with it need connection tracking.
            #[must_use]
            pub const fn needs_conntrack(&self) -> bool {
                match self { $(Self::$name(_) => <$name as TargetExtension>::NEEDS_CONNTRACK,)* }
            }

            /// Judges where it is loaded.
            ///
            /// # Errors
            /// What the kernel answers.
            pub fn admit(&self, place: &Place<'_>) -> Result<(), Errno> {
                match self { $(Self::$name(t) => t.admit(place),)* }
            }

            /// What it remembers when it is loaded.
            #[must_use]
            pub fn state(&self) -> TargetState {
                match self { $(Self::$name(t) => t.state(),)* }
            }

            /// Does it to a packet.
            pub fn apply<O: Observer>(
                &self,
                k: &mut Kernel,
                f: &mut Flight,
                seen: &Seen,
                state: &mut TargetState,
                o: &mut O,
            ) -> Sentence {
                match self { $(Self::$name(t) => t.apply(k, f, seen, state, o),)* }
            }

            /// Writes what makes it again.
            pub fn save(&self, style: crate::netfilter::xtables::extension::Style, out: &mut String) {
                match self { $(Self::$name(t) => t.save(style, out),)* }
            }

            /// Writes what `-L` shows.
            pub fn print(&self, style: crate::netfilter::xtables::extension::Style, out: &mut String) {
                match self { $(Self::$name(t) => t.print(style, out),)* }
            }
        }

        /// All targets: how a command line finds them.
        pub const TARGETS: &[crate::netfilter::xtables::registry::Entry<Target>] =
            &[$(crate::netfilter::xtables::registry::Entry::of::<$name>(),)*];
    };
}

targets! { Mark, NfQueue }
