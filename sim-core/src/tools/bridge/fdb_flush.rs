//! `bridge fdb flush`: from words to a request.

use crate::libc::number;
use crate::netlink::request::{FdbFilter, FdbFlush};
use crate::tools::argv::Args;
use crate::tools::failure::{Failure, Result};
use crate::tools::session::Host;

/// Reads the words behind `bridge fdb flush` (`fdb_flush()`). Like iproute2, it passes over words that it
/// does not know.
pub(crate) fn read(args: &mut Args<'_>, host: &dyn Host) -> Result<FdbFlush> {
    let (mut own, mut master) = (false, false);
    let (mut dev, mut port, mut vlan) = (None, None, None);
    let mut filter = FdbFilter::default();
    while let Some(word) = args.next() {
        match word {
            "dev" => dev = Some(args.value()?),
            "brport" if port.is_some() => return Err(Failure::garbage(word, word)),
            "brport" => port = Some(args.value()?),
            "vlan" if vlan.is_some() => return Err(Failure::garbage(word, word)),
            "vlan" => vlan = number_of_vlan(args.value()?),
            "self" => own = true,
            "master" => master = true,
            "help" => {
                args.value()?;
            }
            _ => select(&mut filter, word),
        }
    }
    let missing = |what: &str, name: &str| {
        Failure::returns(255, format!("Cannot find bridge {what} \"{name}\"\n"))
    };
    let dev = dev.ok_or_else(|| Failure::returns(255, "Device is a required argument.\n"))?;
    let dev = host.device(dev).ok_or_else(|| missing("device", dev))?;
    let find = |name: &str| host.device(name).ok_or_else(|| missing("port device", name));
    filter.port = port.map(find).transpose()?;
    if let Some(vlan) = vlan.filter(|vlan| *vlan >= 1 << 12) {
        return Err(Failure::returns(255, format!("Invalid VLAN ID \"{vlan}\"\n")));
    }
    filter.vlan = vlan;
    // Nobody was named: the device itself is meant.
    Ok(FdbFlush { dev, self_: own || !master, master, filter })
}

/// A VLAN's number, cut to 16 bits; none if that is negative.
fn number_of_vlan(text: &str) -> Option<u16> {
    let [low, high, ..] = number::atoi(text).to_le_bytes();
    u16::try_from(i16::from_le_bytes([low, high])).ok()
}

/// Follows a word about what the entries are.
fn select(filter: &mut FdbFilter, word: &str) {
    match word {
        "permanent" => filter.permanent = Some(true),
        "nopermanent" => filter.permanent = Some(false),
        "static" => {
            filter.noarp = Some(true);
            filter.permanent.get_or_insert(false);
        }
        "nostatic" => filter.noarp = Some(false),
        "dynamic" => {
            filter.noarp = Some(false);
            filter.permanent.get_or_insert(false);
        }
        "nodynamic" => filter.noarp = Some(true),
        "added_by_user" => filter.by_user = Some(true),
        "noadded_by_user" => filter.by_user = Some(false),
        "extern_learn" => filter.extern_learn = Some(true),
        "noextern_learn" => filter.extern_learn = Some(false),
        "sticky" => filter.sticky = Some(true),
        "nosticky" => filter.sticky = Some(false),
        "offloaded" => filter.offloaded = Some(true),
        "nooffloaded" => filter.offloaded = Some(false),
        _ => {}
    }
}
