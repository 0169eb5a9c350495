//! The matches: one file each.

mod addrtype;
mod chunks;
mod comment;
mod connlabel;
mod connmark;
mod conntrack;
mod dscp;
mod hashlimit;
mod hashlimit_table;
mod icmp;
mod icmp6;
mod icmp_types;
mod iprange;
mod length;
mod limit;
mod mac;
mod mark;
mod multiport;
mod nfacct;
mod owner;
mod physdev;
mod pkttype;
mod ports;
mod read_back;
pub mod recent;
mod recent_list;
mod rpfilter;
mod sctp;
mod state;
mod states;
mod statistic;
mod tcp;
#[cfg(test)]
mod tests;
mod tos;
mod ttl;
mod u32;
mod udp;

use std::collections::BTreeMap;

use crate::errno::Errno;
use crate::family::AddressFamily;
use crate::kernel::{Flight, Kernel};
use crate::netfilter::Hook;
use crate::netfilter::xtables::extension::{Context, Extension, Place, Problem};
use crate::netfilter::xtables::packet::Seen;
use crate::netfilter::xtables::rule::TableName;
use crate::netfilter::xtables::table::Variant;
use crate::packet::IpProto;

pub use self::u32::U32;
pub use addrtype::Addrtype;
pub use comment::Comment;
pub use connlabel::Connlabel;
pub use connmark::Connmark;
pub use conntrack::Conntrack;
pub use dscp::Dscp;
pub use hashlimit::Hashlimit;
pub use hashlimit_table::HashTable;
pub use icmp::Icmp;
pub use icmp6::Icmp6;
pub use iprange::Iprange;
pub use length::Length;
pub use limit::{Bucket, Limit};
pub use mac::Mac;
pub use mark::Mark;
pub use multiport::Multiport;
pub use nfacct::{Account, Nfacct, Quota, account_name};
pub use owner::Owner;
pub use physdev::Physdev;
pub use pkttype::Pkttype;
pub(in crate::netfilter::xtables) use read_back::read_back;
pub use recent::Recent;
pub use recent_list::List;
pub use rpfilter::Rpfilter;
pub use sctp::Sctp;
pub use state::State;
pub use statistic::Statistic;
pub use tcp::Tcp;
pub use tos::Tos;
pub use ttl::{Hl, Ttl};
pub use udp::Udp;

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
    /// The tables it may stand in; all if there are none (`xt_match.table`).
    const TABLES: &'static [TableName] = &[];

    /// The only hooks it may be reached from; all if there are none (`xt_match.hooks`).
    const HOOKS: &'static [Hook] = &[];

    /// The only protocol that its rule may ask for (`xt_match.proto`).
    const PROTO: Option<IpProto> = None;

    /// Whether rules with it need connection tracking (`nf_ct_netns_get()`).
    const NEEDS_CONNTRACK: bool = false;

    /// Whether connections that begin while there is a rule with it have labels (`nf_connlabels_get()`).
    const NEEDS_LABELS: bool = false;

    /// Judges where it is loaded, if that is no wrong table, hook or protocol (`checkentry()`).
    ///
    /// # Errors
    /// What the kernel answers.
    fn admit(&self, _place: &Place<'_>) -> Result<(), Errno> {
        Ok(())
    }

    /// What the kernel makes of it as it is loaded, if that is something else.
    fn kept(&self, _variant: Variant) -> Option<Self> {
        None
    }

    /// Whether rules of a namespace share something by name through it.
    const SHARES: bool = false;

    /// Asks whether it can take part in what rules of a namespace share by name.
    ///
    /// # Errors
    /// What the kernel answers.
    fn may_attach(&self, _shared: &Shared) -> Result<(), Errno> {
        Ok(())
    }

    /// Takes part in what rules of a namespace share by name, as it is loaded at `now`, in jiffies.
    ///
    /// # Errors
    /// What the kernel answers.
    fn attach(&self, _shared: &mut Shared, _now: u64) -> Result<(), Errno> {
        Ok(())
    }

    /// Gives back its part in what rules share, as it is removed.
    fn detach(&self, _shared: &mut Shared) {}

    /// Whether `iptables-nft` writes expressions of `nf_tables` for it; others are run by `nft_compat`.
    fn is_native(&self) -> bool {
        false
    }

    /// What `iptables-nft` reads back when it has loaded it; nothing if there are no expressions for it.
    ///
    /// # Errors
    /// There are none that could say it.
    fn into_nft(self, _cx: &Context<'_>) -> Result<Option<Self>, Problem> {
        Ok(Some(self))
    }

    /// What is said to whoever wrote it although nothing is wrong, line feeds included.
    fn remark(&self) -> Option<String> {
        None
    }

    /// What it remembers when it is loaded.
    fn state(&self) -> MatchState {
        MatchState::None
    }

    /// Judges the packet at the network header of `f.skb` (`match()`).
    fn matches(&self, k: &mut Kernel, f: &Flight, seen: &Seen, state: &mut MatchState) -> Matched;
}

/// Judges where a match is loaded (`xt_check_match()`).
fn admit<M: MatchExtension>(extension: &M, place: &Place<'_>) -> Result<(), Errno> {
    if place.variant == Variant::Nft && extension.is_native() {
        return Ok(());
    }
    let in_table = M::TABLES.is_empty() || M::TABLES.contains(&place.table);
    let at_hooks = may_stand_at::<M>(place.hooks);
    let for_proto = M::PROTO.is_none_or(|proto| place.proto == Some((proto.0, false)));
    if in_table && at_hooks && for_proto { extension.admit(place) } else { Err(Errno::EINVAL) }
}

/// Whether packets of all these hooks may reach a match.
fn may_stand_at<M: MatchExtension>(hooks: &[Hook]) -> bool {
    M::HOOKS.is_empty() || hooks.iter().all(|hook| M::HOOKS.contains(hook))
}

/// The first bytes of the transport header; `None` if the packet ends before.
fn transport_header<'f, const N: usize>(f: &'f Flight, seen: &Seen) -> Option<&'f [u8; N]> {
    f.skb.network_header().get(seen.header_len..)?.first_chunk()
}

/// What a match remembers between packets.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum MatchState {
    /// Nothing.
    #[default]
    None,
    /// How many packets of this round there were (`xt_statistic_priv`).
    Nth(u32),
    /// What may still pass.
    Limit(Bucket),
}

/// What the rules of a namespace share by name, in both engines.
#[derive(Clone, Debug, Default)]
pub struct Shared {
    /// The lists of [`Recent`] (`struct recent_net`).
    pub recent: BTreeMap<String, List>,
    /// The tables of [`Hashlimit`] (`struct hashlimit_net`).
    pub hashlimit: BTreeMap<AddressFamily, BTreeMap<String, HashTable>>,
    /// What [`Nfacct`] counts (`struct nfnl_acct_net`).
    pub accounts: BTreeMap<String, Account>,
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

            /// Whether connections that begin while there is a rule with it have labels.
            #[must_use]
            pub const fn needs_labels(&self) -> bool {
                match self { $(Self::$name(_) => <$name as MatchExtension>::NEEDS_LABELS,)* }
            }

            /// Judges where it is loaded.
            ///
            /// # Errors
            /// What the kernel answers.
            pub fn admit(&self, place: &Place<'_>) -> Result<(), Errno> {
                match self { $(Self::$name(m) => admit(m, place),)* }
            }

            /// What the kernel makes of it as it is loaded, if that is something else.
            #[must_use]
            pub fn kept(&self, variant: Variant) -> Option<Self> {
                match self { $(Self::$name(m) => m.kept(variant).map(Self::$name),)* }
            }

            /// Whether rules of a namespace share something by name through it.
            #[must_use]
            pub const fn shares(&self) -> bool {
                match self { $(Self::$name(_) => <$name as MatchExtension>::SHARES,)* }
            }

            /// Whether packets of all these hooks may reach it (`xt_match.hooks`).
            #[must_use]
            pub fn may_stand_at(&self, hooks: &[Hook]) -> bool {
                match self { $(Self::$name(_) => may_stand_at::<$name>(hooks),)* }
            }

            /// Asks whether it can take part in what rules of a namespace share by name.
            ///
            /// # Errors
            /// What the kernel answers.
            pub fn may_attach(&self, shared: &Shared) -> Result<(), Errno> {
                match self { $(Self::$name(m) => m.may_attach(shared),)* }
            }

            /// Takes part in what rules of a namespace share by name, as it is loaded at `now`, in jiffies.
            ///
            /// # Errors
            /// What the kernel answers.
            pub fn attach(&self, shared: &mut Shared, now: u64) -> Result<(), Errno> {
                match self { $(Self::$name(m) => m.attach(shared, now),)* }
            }

            /// Gives back its part in what rules share, as it is removed.
            pub fn detach(&self, shared: &mut Shared) {
                match self { $(Self::$name(m) => m.detach(shared),)* }
            }

            /// What `iptables-nft` reads back when it has loaded it; nothing if there are no expressions for it.
            ///
            /// # Errors
            /// There are none that could say it.
            pub fn into_nft(self, cx: &Context<'_>) -> Result<Option<Self>, Problem> {
                Ok(match self { $(Self::$name(m) => m.into_nft(cx)?.map(Self::$name),)* })
            }

            /// What is said to whoever wrote it although nothing is wrong, line feeds included.
            #[must_use]
            pub fn remark(&self) -> Option<String> {
                match self { $(Self::$name(m) => m.remark(),)* }
            }

            /// What is said on standard error each time it is written or shown, without the line feed.
            #[must_use]
            pub fn aside(&self) -> Option<&'static str> {
                match self { $(Self::$name(m) => m.aside(),)* }
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

matches! {
    Addrtype,
    Comment,
    Connlabel,
    Connmark,
    Conntrack,
    Dscp,
    Hashlimit,
    Hl,
    Icmp,
    Icmp6,
    Iprange,
    Length,
    Limit,
    Mac,
    Mark,
    Multiport,
    Nfacct,
    Owner,
    Physdev,
    Pkttype,
    Recent,
    Rpfilter,
    Sctp,
    State,
    Statistic,
    Tcp,
    Tos,
    Ttl,
    U32,
    Udp,
}
