//! The targets that are extensions: one file each. `ACCEPT`, `DROP` and `RETURN` are
//! [`Action`](super::rule::Action)s.

mod connmark;
mod ct;
mod dnat;
mod dscp;
mod log;
mod mark;
mod masquerade;
mod nat;
mod netmap;
mod nflog;
mod nfqueue;
mod notrack;
mod redirect;
mod reject;
mod reject6;
mod snat;
mod tcpmss;
#[cfg(test)]
mod tests;
mod tos;
mod trace;
mod ttl;

use crate::errno::Errno;
use crate::kernel::{Flight, Kernel};
use crate::netfilter::Hook;
use crate::netfilter::xtables::extension::{Extension, Given, Place, Problem};
use crate::netfilter::xtables::packet::Seen;
use crate::netfilter::xtables::rule::TableName;
use crate::packet::IpProto;
use crate::trace::{DropReason, Observer};

pub use connmark::Connmark;
pub use ct::Ct;
pub use dnat::Dnat;
pub use dscp::Dscp;
pub use log::Log;
pub use mark::Mark;
pub use masquerade::Masquerade;
pub use netmap::Netmap;
pub use nflog::Nflog;
pub use nfqueue::NfQueue;
pub use notrack::Notrack;
pub use redirect::Redirect;
pub use reject::Reject;
pub use reject6::Reject6;
pub use snat::Snat;
pub use tcpmss::{SegmentSize, Tcpmss, Tcpmss6};
pub use tos::Tos;
pub use trace::Trace;
pub use ttl::{Hl, Hops, Ttl};

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
    /// The only table it may stand in (`xt_target.table`).
    const TABLE: Option<TableName> = None;

    /// The only hooks it may be reached from; all if there are none (`xt_target.hooks`).
    const HOOKS: &'static [Hook] = &[];

    /// The only protocol that its rule may ask for (`xt_target.proto`).
    const PROTO: Option<IpProto> = None;

    /// What lists call it: the name that the kernel knows it by.
    const LISTED: &'static str = Self::NAME;

    /// Whether rules with it need connection tracking (`nf_ct_netns_get()`).
    fn needs_conntrack(&self) -> bool {
        false
    }

    /// Judges where it is loaded, if that is no wrong table, hook or protocol (`checkentry()`).
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

/// Whether packets of all these hooks may reach a target.
fn may_stand_at<T: TargetExtension>(hooks: &[Hook]) -> bool {
    T::HOOKS.is_empty() || hooks.iter().all(|hook| T::HOOKS.contains(hook))
}

/// Judges where `target` is loaded (`xt_check_target()`).
fn admit<T: TargetExtension>(target: &T, place: &Place<'_>) -> Result<(), Errno> {
    let in_table = T::TABLE.is_none_or(|table| table == place.table);
    let at_hooks = may_stand_at::<T>(place.hooks);
    let for_proto = T::PROTO.is_none_or(|proto| place.proto == Some((proto.0, false)));
    if in_table && at_hooks && for_proto { target.admit(place) } else { Err(Errno::EINVAL) }
}

/// The number of an option whose kind holds it to 32 bits.
fn u32_of(given: &Given<'_>) -> u32 {
    u32::try_from(given.value.number()).unwrap_or(u32::MAX)
}

/// A word, cut to at most `max` bytes, as the structures of the kernel have room for so many.
fn cut(word: &str, max: usize) -> Result<String, Problem> {
    match word.get(..word.len().min(max)) {
        Some(word) => Ok(word.to_owned()),
        None => Err(Problem::NotModelled("a word that is cut within a character".to_owned())),
    }
}

/// What a target remembers between packets.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum TargetState {
    /// Nothing.
    #[default]
    None,
    /// Whether the events that `CT` asks for are told.
    Events(bool),
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
            pub fn needs_conntrack(&self) -> bool {
                match self { $(Self::$name(t) => t.needs_conntrack(),)* }
            }

            /// What lists call it.
            #[must_use]
            pub const fn listed(&self) -> &'static str {
                match self { $(Self::$name(_) => <$name as TargetExtension>::LISTED,)* }
            }

            /// Judges where it is loaded.
            ///
            /// # Errors
            /// What the kernel answers.
            pub fn admit(&self, place: &Place<'_>) -> Result<(), Errno> {
                match self { $(Self::$name(t) => admit(t, place),)* }
            }

            /// Whether packets of all these hooks may reach it (`xt_target.hooks`).
            #[must_use]
            pub fn may_stand_at(&self, hooks: &[Hook]) -> bool {
                match self { $(Self::$name(_) => may_stand_at::<$name>(hooks),)* }
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

targets! {
    Connmark,
    Ct,
    Dnat,
    Dscp,
    Hl,
    Log,
    Mark,
    Masquerade,
    Netmap,
    NfQueue,
    Nflog,
    Notrack,
    Redirect,
    Reject,
    Reject6,
    Snat,
    Tcpmss,
    Tcpmss6,
    Tos,
    Trace,
    Ttl,
}
