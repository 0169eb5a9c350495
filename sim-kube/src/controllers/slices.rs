//! How endpoints are packed into slices.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::discovery::v1::{Endpoint, EndpointPort, EndpointSlice};

/// What makes two endpoints the same one, whatever their conditions are (`hashEndpoint()`).
type Identity = (Vec<String>, Option<String>, Option<String>, Option<String>);

fn identity(endpoint: &Endpoint) -> Identity {
    let mut addresses = endpoint.addresses.clone();
    addresses.sort();
    let target = endpoint.target_ref.as_ref();
    let name = target.and_then(|target| target.name.clone());
    let uid = target.and_then(|target| target.uid.clone());
    (addresses, endpoint.hostname.clone(), name, uid)
}

/// Endpoints, each one once.
#[derive(Clone, Debug, Default)]
pub(super) struct EndpointSet(BTreeMap<Identity, Endpoint>);

impl EndpointSet {
    pub(super) fn insert(&mut self, endpoint: Endpoint) {
        self.0.insert(identity(&endpoint), endpoint);
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    fn take(&mut self, endpoint: &Endpoint) -> Option<Endpoint> {
        self.0.remove(&identity(endpoint))
    }

    fn pop(&mut self) -> Option<Endpoint> {
        self.0.pop_first().map(|(_, endpoint)| endpoint)
    }

    fn fill(&mut self, endpoints: &mut Vec<Endpoint>, max: usize) {
        while endpoints.len() < max {
            let Some(endpoint) = self.pop() else { return };
            endpoints.push(endpoint);
        }
    }
}

/// The ports of a slice in an order that is always the same.
pub(super) type PortKey = Vec<(Option<String>, Option<String>, Option<i32>, Option<String>)>;

/// What slices of the same ports have in common.
pub(super) fn port_key(ports: &[EndpointPort]) -> PortKey {
    let ports = ports.iter();
    let mut key: PortKey = ports
        .map(|p| (p.protocol.clone(), p.name.clone(), p.port, p.app_protocol.clone()))
        .collect();
    key.sort();
    key
}

/// What becomes of the slices of one list of ports.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Packing {
    /// The contents of slices that are made.
    pub(super) create: Vec<Vec<Endpoint>>,
    /// The slices that stay, with what they hold now, whether or not that is new.
    pub(super) keep: Vec<EndpointSlice>,
    /// The slices that go.
    pub(super) delete: Vec<EndpointSlice>,
}

/// Packs `desired` into slices of at most `max`, changing as few of those there are as it can.
///
/// Endpoints stay where they are. New ones go into slices that change anyway, the fullest first; if what is left
/// fits into one unchanged slice, into the one that gets fullest; else into new ones. `is_stale` tells slices that
/// have to be written anyway.
pub(super) fn pack(
    existing: &[EndpointSlice],
    mut desired: EndpointSet,
    max: usize,
    is_stale: impl Fn(&EndpointSlice) -> bool,
) -> Packing {
    let mut packing = Packing::default();
    let (mut changed, mut unchanged) = (BTreeSet::new(), BTreeSet::new());
    for slice in existing {
        let old = slice.endpoints.as_deref().unwrap_or_default();
        let kept: Vec<Endpoint> = old.iter().filter_map(|e| desired.take(e)).collect();
        let differs = kept.len() != old.len() || kept.iter().zip(old).any(|(a, b)| !is_same(a, b));
        if kept.is_empty() && !old.is_empty() {
            packing.delete.push(slice.clone());
            continue;
        }
        let kind = if differs || is_stale(slice) { &mut changed } else { &mut unchanged };
        kind.insert(packing.keep.len());
        packing.keep.push(EndpointSlice { endpoints: Some(kept), ..slice.clone() });
    }
    let mut fullest: Vec<usize> = changed.into_iter().collect();
    fullest.sort_by_key(|&i| std::cmp::Reverse(len(&packing.keep[i])));
    for i in fullest {
        desired.fill(packing.keep[i].endpoints.get_or_insert_default(), max);
    }
    while desired.len() > 0 {
        let tightest = (desired.len() < max).then(|| {
            let fits = |&i: &usize| len(&packing.keep[i]) + desired.len() <= max;
            let fitting = unchanged.iter().copied().filter(fits);
            fitting.max_by_key(|&i| (len(&packing.keep[i]), std::cmp::Reverse(i)))
        });
        if let Some(i) = tightest.flatten() {
            unchanged.remove(&i);
            desired.fill(packing.keep[i].endpoints.get_or_insert_default(), max);
        } else {
            let mut made = Vec::new();
            desired.fill(&mut made, max.max(1));
            packing.create.push(made);
        }
    }
    packing
}

fn len(slice: &EndpointSlice) -> usize {
    slice.endpoints.as_ref().map_or(0, Vec::len)
}

/// Whether two endpoints say the same; hints are somebody else's business.
fn is_same(a: &Endpoint, b: &Endpoint) -> bool {
    Endpoint { hints: None, ..a.clone() } == Endpoint { hints: None, ..b.clone() }
}
