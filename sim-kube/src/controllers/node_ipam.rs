//! Ranges of pod addresses for nodes (`node-ipam-controller`, `RangeAllocator`).

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use k8s_openapi::api::core::v1::Node;

use super::{Context, Settings};
use crate::object::{Key, Store, Stored as _};

/// How many ranges a cluster may be split into (`CIDR_SET_MAX_NODE_BITS`).
const MAX_BITS: u8 = 16;

/// Gives each node that has no range the first free one of each family, in the order in which nodes were made.
pub(super) fn reconcile(store: &mut Store, context: &mut Context<'_>) -> bool {
    let mut taken: Vec<IpNet> = store.nodes.values().flat_map(ranges).collect();
    let mut waiting: Vec<&Node> =
        store.nodes.values().filter(|node| ranges(node).next().is_none()).collect();
    waiting.sort_by_key(|node| (node.metadata.creation_timestamp.clone().map(|t| t.0), node.key()));
    let keys: Vec<Key> = waiting.into_iter().map(|node| node.key()).collect();
    let mut has_changed = false;
    for key in keys {
        // A node gets a range of each family, or none.
        let free: Option<Vec<IpNet>> = context
            .settings
            .cluster_cidrs
            .iter()
            .map(|cluster| first_free(cluster, context.settings, &taken))
            .collect();
        let Some(free) = free.filter(|free| !free.is_empty()) else { break };
        let Some(node) = store.nodes.get_mut(&key) else { continue };
        let texts: Vec<String> = free.iter().map(ToString::to_string).collect();
        let spec = node.spec.get_or_insert_default();
        spec.pod_cidr = texts.first().cloned();
        spec.pod_cidrs = Some(texts);
        taken.extend(free);
        has_changed = true;
    }
    has_changed
}

/// The ranges that a node has.
fn ranges(node: &Node) -> impl Iterator<Item = IpNet> {
    let spec = node.spec.as_ref();
    let all = spec.and_then(|spec| spec.pod_cidrs.as_ref()).into_iter().flatten();
    let single = spec.and_then(|spec| spec.pod_cidr.as_ref());
    all.chain(single).filter_map(|text| text.parse().ok())
}

/// The first part of `cluster` that clashes with none of `taken`.
fn first_free(cluster: &IpNet, settings: &Settings, taken: &[IpNet]) -> Option<IpNet> {
    let size = match cluster {
        IpNet::V4(_) => settings.node_cidr_mask_size_ipv4,
        IpNet::V6(_) => settings.node_cidr_mask_size_ipv6,
    };
    let bits = size.checked_sub(cluster.prefix_len()).filter(|bits| *bits <= MAX_BITS)?;
    let mut parts = (0..1_u32 << bits).map_while(|i| part(cluster, size, i));
    parts.find(|part| !taken.iter().any(|t| t.contains(part) || part.contains(t)))
}

/// The `i`th part of `cluster` whose prefix is `size` long.
fn part(cluster: &IpNet, size: u8, i: u32) -> Option<IpNet> {
    match cluster {
        IpNet::V4(cluster) => {
            let offset = i.checked_shl(u32::from(32_u8.checked_sub(size)?))?;
            let start = u32::from(cluster.network()).checked_add(offset)?;
            Some(Ipv4Net::new(start.into(), size).ok()?.into())
        }
        IpNet::V6(cluster) => {
            let offset = u128::from(i).checked_shl(u32::from(128_u8.checked_sub(size)?))?;
            let start = u128::from(cluster.network()).checked_add(offset)?;
            Some(Ipv6Net::new(start.into(), size).ok()?.into())
        }
    }
}
