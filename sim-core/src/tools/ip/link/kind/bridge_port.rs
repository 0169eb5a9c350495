//! `type bridge_slave`: a bridge's port.

use crate::libc::number;
use crate::netlink::request::PortChange;
use crate::tools::argv::{Args, Keyword, abbr, keyword};
use crate::tools::failure::{Failure, Result};
use crate::tools::ip::link::attributes;
use crate::tools::ip::usage;

#[derive(Clone, Copy)]
enum Word {
    State,
    Priority,
    Cost,
    GroupFwdMask,
    McastRouter,
    Switch(Switch),
    Help,
    NotModelled,
}

/// The options that are on or off.
#[derive(Clone, Copy)]
enum Switch {
    Hairpin,
    Guard,
    RootBlock,
    Fastleave,
    Learning,
    Flood,
    McastFlood,
    BcastFlood,
    ProxyArp,
    NeighSuppress,
    Isolated,
    Locked,
}

const WORDS: &[Keyword<Word>] = &[
    abbr("fdb_flush", Word::NotModelled),
    abbr("state", Word::State),
    abbr("priority", Word::Priority),
    abbr("cost", Word::Cost),
    abbr("hairpin", Word::Switch(Switch::Hairpin)),
    abbr("guard", Word::Switch(Switch::Guard)),
    abbr("root_block", Word::Switch(Switch::RootBlock)),
    abbr("fastleave", Word::Switch(Switch::Fastleave)),
    abbr("learning", Word::Switch(Switch::Learning)),
    abbr("flood", Word::Switch(Switch::Flood)),
    abbr("mcast_flood", Word::Switch(Switch::McastFlood)),
    abbr("bcast_flood", Word::Switch(Switch::BcastFlood)),
    abbr("mcast_to_unicast", Word::NotModelled),
    abbr("proxy_arp", Word::Switch(Switch::ProxyArp)),
    abbr("proxy_arp_wifi", Word::NotModelled),
    abbr("mcast_router", Word::McastRouter),
    abbr("mcast_fast_leave", Word::Switch(Switch::Fastleave)),
    abbr("neigh_suppress", Word::Switch(Switch::NeighSuppress)),
    abbr("group_fwd_mask", Word::GroupFwdMask),
    abbr("vlan_tunnel", Word::NotModelled),
    abbr("isolated", Word::Switch(Switch::Isolated)),
    abbr("locked", Word::Switch(Switch::Locked)),
    abbr("backup_port", Word::NotModelled),
    abbr("nobackup_port", Word::NotModelled),
    abbr("help", Word::Help),
];

impl Switch {
    fn name(self) -> &'static str {
        match self {
            Self::Hairpin => "hairpin",
            Self::Guard => "guard",
            Self::RootBlock => "root_block",
            Self::Fastleave => "fastleave",
            Self::Learning => "learning",
            Self::Flood => "flood",
            Self::McastFlood => "mcast_flood",
            Self::BcastFlood => "bcast_flood",
            Self::ProxyArp => "proxy_arp",
            Self::NeighSuppress => "neigh_suppress",
            Self::Isolated => "isolated",
            Self::Locked => "locked",
        }
    }

    fn slot(self, change: &mut PortChange) -> &mut Option<bool> {
        match self {
            Self::Hairpin => &mut change.hairpin,
            Self::Guard => &mut change.guard,
            Self::RootBlock => &mut change.root_block,
            Self::Fastleave => &mut change.fastleave,
            Self::Learning => &mut change.learning,
            Self::Flood => &mut change.flood,
            Self::McastFlood => &mut change.mcast_flood,
            Self::BcastFlood => &mut change.bcast_flood,
            Self::ProxyArp => &mut change.proxy_arp,
            Self::NeighSuppress => &mut change.neigh_suppress,
            Self::Isolated => &mut change.isolated,
            Self::Locked => &mut change.locked,
        }
    }
}

/// Reads the options up to the end of the line.
pub(super) fn read(args: &mut Args<'_>) -> Result<PortChange> {
    let mut change = PortChange::default();
    while let Some(text) = args.next() {
        match keyword(WORDS, text) {
            Some(Word::State) => change.state = Some(number_for(args, "state", number::u8)?),
            Some(Word::Priority) => {
                change.priority = Some(number_for(args, "priority", number::u16)?);
            }
            Some(Word::Cost) => change.cost = Some(number_for(args, "cost", number::u32)?),
            Some(Word::GroupFwdMask) => {
                let text = args.value()?;
                let mask = number::u16(text);
                change.group_fwd_mask =
                    Some(mask.ok_or_else(|| Failure::invalid("invalid group_fwd_mask", text))?);
            }
            Some(Word::McastRouter) => {
                let text = args.value()?;
                let mode = number::u8(text);
                change.mcast_router =
                    Some(mode.ok_or_else(|| Failure::invalid("invalid mcast_router", text))?);
            }
            Some(Word::Switch(switch)) => {
                let on = attributes::on_off(args, switch.name())
                    .map_err(|failure| Failure::exits(1, failure.stderr));
                *switch.slot(&mut change) = Some(on?);
            }
            Some(Word::NotModelled) => {
                return Err(Failure::not_modelled(&format!("the bridge port option \"{text}\"")));
            }
            Some(Word::Help) => return Err(help("")),
            None => return Err(help(&format!("bridge_slave: unknown option \"{text}\"?\n"))),
        }
    }
    Ok(change)
}

fn help(complaint: &str) -> Failure {
    Failure::returns(1, format!("{complaint}{}", usage::kind("bridge_slave").unwrap_or_default()))
}

fn number_for<T>(
    args: &mut Args<'_>,
    key: &str,
    read: impl FnOnce(&str) -> Option<T>,
) -> Result<T> {
    let text = args.value()?;
    read(text).ok_or_else(|| Failure::invalid(&format!("{key} is invalid"), text))
}
