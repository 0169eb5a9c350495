//! `ip netns list-id`: the numbers by which namespaces know each other.

use crate::errno::Errno;
use crate::id::NetnsId;
use crate::libc::number;
use crate::netlink::NetlinkError;
use crate::tools::argv::Args;
use crate::tools::failure::{Failure, Result};
use crate::tools::ip::netns::USAGE;
use crate::tools::ip::options::Options;
use crate::tools::printer::Printer;
use crate::tools::session::Session;
use crate::world::World;

/// What is asked for.
#[derive(Clone, Copy, Debug, Default)]
struct Query {
    /// The namespace whose numbers they are, by its number here; none is this one.
    target: Option<u32>,
    /// Only the one that has this number here.
    nsid: Option<u32>,
}

/// Lists the numbers that other namespaces have here, or in another one, with their names.
pub(super) fn list(
    session: &mut Session<'_>,
    options: &Options,
    args: &mut Args<'_>,
) -> Result<()> {
    let query = read(args)?;
    let here = session.netns;
    let mut p = Printer::list(options);
    match query.nsid {
        Some(nsid) => {
            let (number, other) = find(session.world, here, query.target, nsid)
                .map_err(|error| Failure::kernel(2, &error))?;
            let number = (number, query.target.is_some());
            print(&mut p, session.world, here, number, other);
        }
        None => {
            let Some(target) = target(session.world, here, query.target) else {
                session.stdout += &p.finish_list();
                let text = "Error: Invalid target network namespace id.\nDump terminated\n";
                return Err(Failure::returns(1, text));
            };
            for (nsid, other) in &session.world.kernel.netns[target].nsids {
                let number = (Some(*nsid), query.target.is_some());
                print(&mut p, session.world, here, number, *other);
            }
        }
    }
    session.stdout += &p.finish_list();
    Ok(())
}

fn read(args: &mut Args<'_>) -> Result<Query> {
    let mut query = Query::default();
    while let Some(word) = args.next() {
        let slot = match word {
            "target-nsid" => &mut query.target,
            "nsid" => &mut query.nsid,
            _ => return Err(Failure::returns(255, USAGE)),
        };
        if slot.is_some() {
            return Err(Failure::duplicate(word, word));
        }
        let text = args.value()?;
        let number = number::i32(text);
        let number = number
            .ok_or_else(|| Failure::invalid(&format!("\"{word}\" value is invalid"), text))?;
        // iproute2 names the word behind the number, of which there is none.
        let why = format!("\"{word}\" value should be >= 0");
        let negative = |_| Failure::invalid(&why, args.peek().unwrap_or("(null)"));
        *slot = Some(u32::try_from(number).map_err(negative)?);
    }
    Ok(query)
}

/// The namespace that has the number `target` here; without one, this one itself.
fn target(world: &World, here: NetnsId, target: Option<u32>) -> Option<NetnsId> {
    match target {
        None => Some(here),
        Some(nsid) => world.kernel.netns[here].nsids.get(&nsid).copied(),
    }
}

/// The namespace that has the number `nsid` here, and its number in the one that is asked for
/// (`rtnl_net_getid()`).
fn find(
    world: &World,
    here: NetnsId,
    number_of_target: Option<u32>,
    nsid: u32,
) -> std::result::Result<(Option<u32>, NetnsId), NetlinkError> {
    let invalid = |text| NetlinkError::with_message(Errno::EINVAL, text);
    let known = world.kernel.netns[here].nsids.get(&nsid);
    let other = *known.ok_or_else(|| invalid("Peer netns reference is invalid"))?;
    let target = target(world, here, number_of_target)
        .ok_or_else(|| invalid("Target netns reference is invalid"))?;
    Ok((number_in(world, target, other), other))
}

/// The number by which one namespace knows another (`peernet2id()`).
fn number_in(world: &World, netns: NetnsId, other: NetnsId) -> Option<u32> {
    let known = &world.kernel.netns[netns].nsids;
    known.iter().find(|(_, id)| **id == other).map(|(nsid, _)| *nsid)
}

/// Prints a number, and if it is another namespace's, the one here too (`print_nsid()`). Names are those of
/// namespaces that have a number here.
fn print(
    p: &mut Printer,
    world: &World,
    here: NetnsId,
    (number, elsewhere): (Option<u32>, bool),
    other: NetnsId,
) {
    p.open_object(None);
    nsid(p, "nsid", number);
    let current = number_in(world, here, other);
    if elsewhere {
        nsid(p, "current-nsid", current);
    }
    if let Some(name) = current.and_then(|_| world.netns_name(other)) {
        p.any("name", name, format_args!("(iproute2 netns name: {name})"));
    }
    p.text("\n");
    p.close_object();
}

fn nsid(p: &mut Printer, key: &str, number: Option<u32>) {
    match number {
        Some(number) => p.any(key, number, format_args!("{key} {number} ")),
        None => p.fmt(format_args!("{key} unassigned ")),
    }
}
