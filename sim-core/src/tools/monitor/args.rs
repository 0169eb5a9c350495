//! The words behind `ip monitor` and `bridge monitor`.

use crate::id::IfIndex;
use crate::kernel::rtnl::Group;
use crate::netlink::request::LinkRef;
use crate::tools::argv::{Args, Keyword, abbr, full, keyword};
use crate::tools::bridge;
use crate::tools::failure::{Failure, Result};
use crate::tools::ip;
use crate::tools::ip::options::{Family, Options};
use crate::tools::monitor::{Dialect, Plan};
use crate::tools::session::{Host as _, Session};

#[derive(Clone, Copy)]
enum Word {
    File,
    Label,
    AllNsid,
    Object(Object),
    All,
    Help,
    Dev,
}

#[derive(Clone, Copy)]
enum Object {
    Group(Group),
    /// Nothing of the kind is modelled, so that nothing is ever announced.
    Silent,
}

/// In iproute2's order.
const IP_WORDS: &[Keyword<Word>] = &[
    abbr("file", Word::File),
    abbr("label", Word::Label),
    abbr("link", Word::Object(Object::Group(Group::Link))),
    abbr("address", Word::Object(Object::Group(Group::Addr))),
    abbr("route", Word::Object(Object::Group(Group::Route))),
    abbr("mroute", Word::Object(Object::Silent)),
    abbr("prefix", Word::Object(Object::Silent)),
    abbr("neigh", Word::Object(Object::Group(Group::Neigh))),
    abbr("netconf", Word::Object(Object::Group(Group::Netconf))),
    abbr("rule", Word::Object(Object::Group(Group::Rule))),
    abbr("nsid", Word::Object(Object::Group(Group::Nsid))),
    abbr("nexthop", Word::Object(Object::Silent)),
    abbr("stats", Word::Object(Object::Silent)),
    full("all", Word::All),
    abbr("all-nsid", Word::AllNsid),
    abbr("help", Word::Help),
    full("dev", Word::Dev),
];

const BRIDGE_WORDS: &[Keyword<Word>] = &[
    full("file", Word::File),
    abbr("link", Word::Object(Object::Group(Group::Link))),
    abbr("fdb", Word::Object(Object::Group(Group::Neigh))),
    abbr("mdb", Word::Object(Object::Silent)),
    abbr("vlan", Word::Object(Object::Silent)),
    abbr("vni", Word::Object(Object::Silent)),
    full("all", Word::All),
    abbr("help", Word::Help),
];

const IP_GROUPS: [Group; 7] = [
    Group::Link,
    Group::Addr,
    Group::Route,
    Group::Rule,
    Group::Neigh,
    Group::Netconf,
    Group::Nsid,
];

/// `ip monitor` (`do_ipmonitor()`).
pub(crate) fn ip(session: &Session<'_>, options: &Options, args: &mut Args<'_>) -> Result<Plan> {
    let mut plan = read(session, args, Dialect::Ip)?;
    if plan.groups.is_empty() {
        plan.groups = IP_GROUPS.to_vec();
    }
    if options.family == Family::Inet6 {
        plan.groups.retain(|group| matches!(group, Group::Link | Group::Nsid));
    }
    Ok(plan)
}

/// `bridge monitor` (`do_monitor()`).
pub(crate) fn bridge(session: &Session<'_>, args: &mut Args<'_>) -> Result<Plan> {
    let mut plan = read(session, args, Dialect::Bridge)?;
    if plan.groups.is_empty() {
        plan.groups = vec![Group::Link, Group::Neigh];
    }
    Ok(plan)
}

/// Reads all words. What is not modelled is listened to in vain, so it stands for a group of its own.
fn read(session: &Session<'_>, args: &mut Args<'_>, dialect: Dialect) -> Result<Plan> {
    let (words, tool) = match dialect {
        Dialect::Ip => (IP_WORDS, "ip"),
        Dialect::Bridge => (BRIDGE_WORDS, "bridge"),
    };
    let mut plan = Plan {
        dialect,
        netns: session.netns,
        groups: Vec::new(),
        label: false,
        all_nsid: false,
        dev: None,
    };
    let mut silent = false;
    while let Some(text) = args.next() {
        match keyword(words, text) {
            Some(Word::File) => {
                args.value()?;
                return Err(Failure::not_modelled(&format!("\"{tool} monitor file\"")));
            }
            Some(Word::Label | Word::All) => plan.label = true,
            Some(Word::AllNsid) => plan.all_nsid = true,
            Some(Word::Object(Object::Group(group))) => plan.groups.push(group),
            Some(Word::Object(Object::Silent)) => silent = true,
            Some(Word::Help) if dialect == Dialect::Ip => return Err(ip::usage::monitor()),
            Some(Word::Help) => return Err(bridge::usage::monitor()),
            Some(Word::Dev) => plan.dev = Some(device(session, args.value()?)?),
            None => {
                let text =
                    format!("Argument \"{text}\" is unknown, try \"{tool} monitor help\".\n");
                return Err(Failure::exits(255, text));
            }
        }
    }
    if silent && plan.groups.is_empty() {
        let what = format!("\"{tool} monitor\" of nothing that is announced");
        return Err(Failure::not_modelled(&what));
    }
    Ok(plan)
}

fn device(session: &Session<'_>, name: &str) -> Result<IfIndex> {
    let missing = || Failure::invalid("Device does not exist\n", name);
    match session.host().device(name).ok_or_else(missing)? {
        LinkRef::Index(index) => Ok(index),
        link @ LinkRef::Name(_) => {
            let dev = session.dev(link).ok_or_else(missing)?;
            Ok(session.world.kernel.devs[dev].ifindex)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seen with iproute2 6.1.
    #[test]
    fn an_abbreviation_means_the_first_object_that_fits() {
        let first = |text| keyword(IP_WORDS, text);
        assert!(matches!(first("a"), Some(Word::Object(Object::Group(Group::Addr)))));
        assert!(matches!(first("al"), Some(Word::AllNsid)));
        assert!(matches!(first("all"), Some(Word::All)));
        assert!(matches!(first("ne"), Some(Word::Object(Object::Group(Group::Neigh)))));
        assert!(matches!(first("l"), Some(Word::Label)));
    }
}
