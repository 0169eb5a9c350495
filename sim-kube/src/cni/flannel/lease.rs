//! What a Node is annotated with, so that the others find the way to it.

use std::net::Ipv4Addr;

use serde_json::{Value, json};
use sim_core::packet::MacAddr;

use crate::cni::{Annotations, Peer};

/// What the keys start with.
const PREFIX: &str = "flannel.alpha.coreos.com/";

/// The way to a node.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Lease {
    /// In datagrams to the tunnel's end that has this address.
    Vxlan { vni: u32, mac: MacAddr },
    /// By the node as a router.
    HostGw,
}

impl Lease {
    /// The way to another node, if it runs flannel, and in a way that is known.
    pub(super) fn of(peer: &Peer) -> Option<Self> {
        if peer.annotations.get(&key("kube-subnet-manager")).map(String::as_str) != Some("true") {
            return None;
        }
        Self::read(&peer.annotations)
    }

    fn read(annotations: &Annotations) -> Option<Self> {
        match annotations.get(&key("backend-type"))?.as_str() {
            "host-gw" => Some(Self::HostGw),
            "vxlan" => {
                let data: Value =
                    serde_json::from_str(annotations.get(&key("backend-data"))?).ok()?;
                let mac = data.get("VtepMAC")?.as_str()?.parse().ok()?;
                let vni = data.get("VNI")?.as_u64()?.try_into().ok()?;
                Some(Self::Vxlan { vni, mac })
            }
            _ => None,
        }
    }

    /// The address of the tunnel's end that a Node is annotated with from an earlier start.
    pub(super) fn stored_mac(annotations: &Annotations) -> Option<MacAddr> {
        match Self::read(annotations)? {
            Self::Vxlan { mac, .. } => Some(mac),
            Self::HostGw => None,
        }
    }

    /// What says so.
    pub(super) fn annotations(self, public_ip: Ipv4Addr) -> Annotations {
        let (backend, data) = match self {
            Self::Vxlan { vni, mac } => {
                ("vxlan", json!({ "VNI": vni, "VtepMAC": mac.to_string() }).to_string())
            }
            Self::HostGw => ("host-gw", "null".to_owned()),
        };
        Annotations::from([
            (key("backend-data"), data),
            (key("backend-type"), backend.to_owned()),
            (key("kube-subnet-manager"), "true".to_owned()),
            (key("public-ip"), public_ip.to_string()),
        ])
    }

    /// The address by which a node is reached from outside of the pods' network.
    pub(super) fn public_ip(peer: &Peer) -> Option<Ipv4Addr> {
        peer.annotations.get(&key("public-ip"))?.parse().ok()
    }
}

fn key(name: &str) -> String {
    format!("{PREFIX}{name}")
}
