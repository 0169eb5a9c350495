//! `type bridge`.

use crate::libc::number;
use crate::netlink::request::{BridgeChange, McastChange};
use crate::tools::argv::{Args, Keyword, abbr, full, keyword};
use crate::tools::failure::{Failure, Result};
use crate::tools::ip::usage;

#[derive(Clone, Copy)]
enum Word {
    ForwardDelay,
    HelloTime,
    MaxAge,
    AgeingTime,
    StpState,
    Priority,
    VlanFiltering,
    GroupFwdMask,
    McastSnooping,
    Mcast(Mcast),
    NfCallIptables,
    NfCallIp6tables,
    NfCallArptables,
    Help,
    /// A switch without a value.
    NotModelled,
}

/// The options about groups.
#[derive(Clone, Copy)]
enum Mcast {
    Router,
    QueryUseIfaddr,
    Querier,
    HashElasticity,
    HashMax,
    LastMemberCount,
    StartupQueryCount,
    LastMemberInterval,
    MembershipInterval,
    QuerierInterval,
    QueryInterval,
    QueryResponseInterval,
    StartupQueryInterval,
    StatsEnabled,
    IgmpVersion,
    MldVersion,
}

const WORDS: &[Keyword<Word>] = &[
    abbr("forward_delay", Word::ForwardDelay),
    abbr("hello_time", Word::HelloTime),
    abbr("max_age", Word::MaxAge),
    abbr("ageing_time", Word::AgeingTime),
    abbr("stp_state", Word::StpState),
    abbr("priority", Word::Priority),
    abbr("vlan_filtering", Word::VlanFiltering),
    abbr("vlan_protocol", Word::NotModelled),
    abbr("group_fwd_mask", Word::GroupFwdMask),
    abbr("group_address", Word::NotModelled),
    full("no_linklocal_learn", Word::NotModelled),
    abbr("fdb_flush", Word::NotModelled),
    abbr("vlan_default_pvid", Word::NotModelled),
    abbr("vlan_stats_enabled", Word::NotModelled),
    abbr("vlan_stats_per_port", Word::NotModelled),
    abbr("mcast_router", Word::Mcast(Mcast::Router)),
    abbr("mcast_snooping", Word::McastSnooping),
    full("mcast_vlan_snooping", Word::NotModelled),
    abbr("mcast_query_use_ifaddr", Word::Mcast(Mcast::QueryUseIfaddr)),
    abbr("mcast_querier", Word::Mcast(Mcast::Querier)),
    abbr("mcast_hash_elasticity", Word::Mcast(Mcast::HashElasticity)),
    abbr("mcast_hash_max", Word::Mcast(Mcast::HashMax)),
    abbr("mcast_last_member_count", Word::Mcast(Mcast::LastMemberCount)),
    abbr("mcast_startup_query_count", Word::Mcast(Mcast::StartupQueryCount)),
    abbr("mcast_last_member_interval", Word::Mcast(Mcast::LastMemberInterval)),
    abbr("mcast_membership_interval", Word::Mcast(Mcast::MembershipInterval)),
    abbr("mcast_querier_interval", Word::Mcast(Mcast::QuerierInterval)),
    abbr("mcast_query_interval", Word::Mcast(Mcast::QueryInterval)),
    abbr("mcast_query_response_interval", Word::Mcast(Mcast::QueryResponseInterval)),
    abbr("mcast_startup_query_interval", Word::Mcast(Mcast::StartupQueryInterval)),
    abbr("mcast_stats_enabled", Word::Mcast(Mcast::StatsEnabled)),
    abbr("mcast_igmp_version", Word::Mcast(Mcast::IgmpVersion)),
    abbr("mcast_mld_version", Word::Mcast(Mcast::MldVersion)),
    abbr("nf_call_iptables", Word::NfCallIptables),
    abbr("nf_call_ip6tables", Word::NfCallIp6tables),
    abbr("nf_call_arptables", Word::NfCallArptables),
    abbr("help", Word::Help),
];

/// Reads the options up to the end of the line.
pub(super) fn read(args: &mut Args<'_>) -> Result<BridgeChange> {
    let mut change = BridgeChange::default();
    while let Some(text) = args.next() {
        match keyword(WORDS, text) {
            Some(Word::NotModelled) => {
                return Err(Failure::not_modelled(&format!("the bridge option \"{text}\"")));
            }
            Some(Word::Help) => return Err(help("")),
            None => return Err(help(&format!("bridge: unknown command \"{text}\"?\n"))),
            Some(word) => set(&mut change, word, args)?,
        }
    }
    Ok(change)
}

fn help(complaint: &str) -> Failure {
    Failure::returns(1, format!("{complaint}{}", usage::kind("bridge").unwrap_or_default()))
}

fn set(change: &mut BridgeChange, word: Word, args: &mut Args<'_>) -> Result<()> {
    match word {
        Word::ForwardDelay => {
            change.forward_delay = number_for(args, "forward_delay", number::u32)?;
        }
        Word::HelloTime => change.hello_time = number_for(args, "hello_time", number::u32)?,
        Word::MaxAge => change.max_age = number_for(args, "max_age", number::u32)?,
        Word::AgeingTime => change.ageing_time = number_for(args, "ageing_time", number::u32)?,
        Word::StpState => change.stp_state = number_for(args, "stp_state", number::u32)?,
        Word::Priority => change.priority = number_for(args, "priority", number::u16)?,
        Word::GroupFwdMask => {
            change.group_fwd_mask = number_for(args, "group_fwd_mask", number::u16)?;
        }
        Word::VlanFiltering => change.vlan_filtering = number_for(args, "vlan_filtering", truth)?,
        Word::McastSnooping => change.mcast_snooping = number_for(args, "mcast_snooping", truth)?,
        Word::Mcast(option) => set_mcast(&mut change.mcast, option, args)?,
        Word::NfCallIptables => {
            change.nf_call_iptables = number_for(args, "nf_call_iptables", truth)?;
        }
        Word::NfCallIp6tables => {
            change.nf_call_ip6tables = number_for(args, "nf_call_ip6tables", truth)?;
        }
        Word::NfCallArptables => {
            change.nf_call_arptables = number_for(args, "nf_call_arptables", truth)?;
        }
        Word::Help | Word::NotModelled => {}
    }
    Ok(())
}

fn set_mcast(change: &mut McastChange, option: Mcast, args: &mut Args<'_>) -> Result<()> {
    match option {
        Mcast::Router => {
            change.router = number_for(args, "mcast_router", number::u8)?;
        }
        Mcast::QueryUseIfaddr => {
            change.query_use_ifaddr = number_for(args, "mcast_query_use_ifaddr", truth)?;
        }
        Mcast::Querier => {
            change.querier = number_for(args, "mcast_querier", truth)?;
        }
        // It is read and has no meaning any more.
        Mcast::HashElasticity => drop(number_for(args, "mcast_hash_elasticity", number::u32)?),
        Mcast::HashMax => {
            change.hash_max = number_for(args, "mcast_hash_max", number::u32)?;
        }
        Mcast::LastMemberCount => {
            change.last_member_count = number_for(args, "mcast_last_member_count", number::u32)?;
        }
        Mcast::StartupQueryCount => {
            change.startup_query_count =
                number_for(args, "mcast_startup_query_count", number::u32)?;
        }
        Mcast::LastMemberInterval => {
            change.last_member_interval =
                number_for(args, "mcast_last_member_interval", number::u64)?;
        }
        Mcast::MembershipInterval => {
            change.membership_interval =
                number_for(args, "mcast_membership_interval", number::u64)?;
        }
        Mcast::QuerierInterval => {
            change.querier_interval = number_for(args, "mcast_querier_interval", number::u64)?;
        }
        Mcast::QueryInterval => {
            change.query_interval = number_for(args, "mcast_query_interval", number::u64)?;
        }
        Mcast::QueryResponseInterval => {
            change.query_response_interval =
                number_for(args, "mcast_query_response_interval", number::u64)?;
        }
        Mcast::StartupQueryInterval => {
            change.startup_query_interval =
                number_for(args, "mcast_startup_query_interval", number::u64)?;
        }
        Mcast::StatsEnabled => {
            change.stats_enabled = number_for(args, "mcast_stats_enabled", truth)?;
        }
        Mcast::IgmpVersion => {
            change.igmp_version = number_for(args, "mcast_igmp_version", number::u8)?;
        }
        Mcast::MldVersion => {
            change.mld_version = number_for(args, "mcast_mld_version", number::u8)?;
        }
    }
    Ok(())
}

/// A number of 8 bits of which the kernel only sees whether it is 0.
fn truth(text: &str) -> Option<bool> {
    number::u8(text).map(|value| value != 0)
}

fn number_for<T>(
    args: &mut Args<'_>,
    key: &str,
    read: impl FnOnce(&str) -> Option<T>,
) -> Result<Option<T>> {
    let text = args.value()?;
    match read(text) {
        Some(value) => Ok(Some(value)),
        None => Err(Failure::invalid(&format!("invalid {key}"), text)),
    }
}
