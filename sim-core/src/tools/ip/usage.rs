//! What `ip` says when it is asked for help: recorded from iproute2 6.1.0.

use crate::tools::failure::Failure;

/// Declares the texts that end the process with status 255 on standard error.
macro_rules! usages {
    ($($name:ident = $file:literal;)*) => {$(
        #[doc = concat!("The text of `", $file, "`.")]
        pub(crate) fn $name() -> Failure {
            Failure::exits(255, include_str!(concat!("../usage/", $file, ".txt")))
        }
    )*};
}

usages! {
    ip = "ip";
    link = "ip_link";
    addr = "ip_addr";
    route = "ip_route";
    rule = "ip_rule";
    neigh = "ip_neigh";
    maddr = "ip_maddr";
    tunnel = "ip_tunnel";
    tuntap = "ip_tuntap";
    monitor = "ip_monitor";
}

/// The help of a kind of device.
pub(crate) fn kind(name: &str) -> Option<&'static str> {
    Some(match name {
        "bridge" => include_str!("../usage/kind_bridge.txt"),
        "bridge_slave" => include_str!("../usage/kind_bridge_slave.txt"),
        "ipip" => include_str!("../usage/kind_ipip.txt"),
        "macvlan" => include_str!("../usage/kind_macvlan.txt"),
        "veth" => include_str!("../usage/kind_veth.txt"),
        "vxlan" => include_str!("../usage/kind_vxlan.txt"),
        _ => return None,
    })
}
