//! `type KIND`: what each kind of device takes.

mod bridge;
mod bridge_port;
mod ipip;
mod macvlan;
mod vxlan;

use crate::errno::Errno;
use crate::netlink::NetlinkError;
use crate::netlink::request::{LinkChange, LinkKind, LinkPeer, VxlanChange};
use crate::tools::argv::Args;
use crate::tools::failure::{self, Failure, Result};
use crate::tools::ip::link::args::{self, Notes};
use crate::tools::ip::options::Options;
use crate::tools::ip::usage;
use crate::tools::session::Host;

/// The kinds that iproute2 6.1 can describe and the model has not: refused by name, in the words that
/// a kernel without them uses.
const NOT_MODELLED: &[&str] = &[
    "amt",
    "bareudp",
    "bond",
    "bond_slave",
    "can",
    "dsa",
    "erspan",
    "geneve",
    "gre",
    "gretap",
    "gtp",
    "hsr",
    "ifb",
    "ip6erspan",
    "ip6gre",
    "ip6gretap",
    "ip6tnl",
    "ipoib",
    "ipvlan",
    "ipvtap",
    "lowpan",
    "macsec",
    "macvtap",
    "netdevsim",
    "nlmon",
    "rmnet",
    "sit",
    "team",
    "team_slave",
    "vcan",
    "virt_wifi",
    "vlan",
    "vrf",
    "vrf_slave",
    "vti",
    "vti6",
    "vxcan",
    "wireguard",
    "wwan",
    "xfrm",
];

/// The kind of a new device, and its options.
pub(crate) fn add(
    kind: &str,
    args: &mut Args<'_>,
    options: &Options,
    host: &dyn Host,
    notes: &mut Notes,
) -> Result<LinkKind> {
    let given = args.peek().is_some();
    Ok(match kind {
        "veth" if given => LinkKind::Veth(Box::new(veth_peer(args, host)?)),
        "veth" => LinkKind::Veth(Box::default()),
        "bridge" => LinkKind::Bridge(bridge::read(args)?),
        "vxlan" if given => LinkKind::Vxlan(vxlan::read(args, Some(options), host, notes)?),
        "vxlan" => LinkKind::Vxlan(VxlanChange::default()),
        "ipip" => LinkKind::Ipip(ipip::read(args, host)?),
        "macvlan" => LinkKind::Macvlan(macvlan::read(args)?),
        // Whatever stands behind it is not looked at.
        "dummy" => LinkKind::Dummy,
        _ => return Err(unknown(kind, args)),
    })
}

/// The options of an existing device of this kind.
pub(crate) fn set(
    kind: &str,
    args: &mut Args<'_>,
    host: &dyn Host,
    change: &mut LinkChange,
    notes: &mut Notes,
) -> Result<()> {
    let given = args.peek().is_some();
    match kind {
        "bridge" if given => change.bridge = Some(bridge::read(args)?),
        "bridge_slave" if given => change.port = Some(bridge_port::read(args)?),
        "vxlan" if given => change.vxlan = Some(vxlan::read(args, None, host, notes)?),
        "ipip" | "macvlan" if given => {
            let what = format!("changing the options of {kind} devices");
            return Err(Failure::not_modelled(&what));
        }
        // There is nothing in a veth that could be changed.
        "veth" if given => return Err(no_such_change(args, host)),
        "dummy" if given => return Err(Failure::kernel(2, &Errno::EOPNOTSUPP.into())),
        _ if given => return Err(unknown(kind, args)),
        // Without options the kind is not even looked at.
        _ => {}
    }
    Ok(())
}

fn no_such_change(args: &mut Args<'_>, host: &dyn Host) -> Failure {
    match veth_peer(args, host) {
        Ok(_) => Failure::kernel(2, &Errno::EOPNOTSUPP.into()),
        Err(failure) => failure,
    }
}

fn veth_peer(args: &mut Args<'_>, host: &dyn Host) -> Result<LinkPeer> {
    if !args.take("peer") {
        let usage = usage::kind("veth").unwrap_or_default();
        return Err(Failure::returns_stdout(1, usage));
    }
    let (name, ifindex, change) = args::peer(args, host)?;
    Ok(LinkPeer { name, ifindex, change })
}

fn unknown(kind: &str, args: &Args<'_>) -> Failure {
    let error = NetlinkError::with_message(Errno::EOPNOTSUPP, "Unknown device type");
    if NOT_MODELLED.contains(&kind) {
        let missing = format!("kubewire: device type \"{kind}\" is not modelled\n");
        return Failure::returns(2, failure::answer(&error) + &missing);
    }
    match args::no_options(args) {
        Ok(()) => Failure::kernel(2, &error),
        Err(failure) => failure,
    }
}
