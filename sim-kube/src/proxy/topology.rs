//! Which endpoints a node's traffic may go to (`CategorizeEndpoints()`).

use super::endpoint::Endpoint;
use super::service::ServicePort;
use super::version::Version;

/// Where a node is.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Location {
    /// The node's name.
    pub(super) node: String,
    /// Its zone (`topology.kubernetes.io/zone`).
    pub(super) zone: Option<String>,
}

/// The endpoints of a service port, sorted by who may use them.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Categorized<'a> {
    /// For traffic that may go anywhere.
    pub(super) cluster: Vec<&'a Endpoint>,
    /// For traffic that has to stay on this node.
    pub(super) local: Vec<&'a Endpoint>,
    /// All of both.
    pub(super) reachable: Vec<&'a Endpoint>,
    /// Whether there is an endpoint that could be used, be it elsewhere.
    pub(super) has_any: bool,
}

/// Whom the hints of endpoints are for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Hints {
    /// Nobody in particular.
    None,
    /// This node.
    Node,
    /// This node's zone.
    Zone,
}

/// Sorts the endpoints of `port`.
///
/// Endpoints that end but still answer are used where there are none that are ready; hints don't count then.
pub(super) fn categorize<'a>(
    endpoints: &'a [Endpoint],
    port: &ServicePort,
    at: &Location,
    version: Version,
) -> Categorized<'a> {
    let ending = |e: &&Endpoint| e.is_serving && e.is_terminating;
    let ready = |e: &&Endpoint| e.is_ready;
    let mut found = Categorized {
        has_any: endpoints.iter().any(|e| ready(&e) || ending(&e)),
        ..Default::default()
    };
    if port.uses_cluster_endpoints() {
        let hints = hints(endpoints, at, version);
        let hinted = |e: &&Endpoint| match hints {
            Hints::None => true,
            Hints::Node => e.node_hints.contains(&at.node),
            Hints::Zone => at.zone.as_ref().is_some_and(|zone| e.zone_hints.contains(zone)),
        };
        found.cluster = endpoints.iter().filter(ready).filter(hinted).collect();
        if found.cluster.is_empty() {
            found.cluster = endpoints.iter().filter(ending).collect();
        }
    }
    if port.uses_local_endpoints() {
        let local = || endpoints.iter().filter(|e| e.is_on(&at.node));
        found.local = local().filter(ready).collect();
        if found.local.is_empty() {
            found.local = local().filter(ending).collect();
        }
    }
    found.reachable = union(endpoints, &found);
    found
}

/// The endpoints that are in either list; both lists have them in the order of `endpoints`.
fn union<'a>(endpoints: &'a [Endpoint], found: &Categorized<'a>) -> Vec<&'a Endpoint> {
    let mut lists = [found.cluster.iter().peekable(), found.local.iter().peekable()];
    let mut is_in_either = |endpoint: &&Endpoint| {
        let is_in = |list: &mut std::iter::Peekable<std::slice::Iter<'_, &Endpoint>>| {
            list.next_if(|next| std::ptr::eq(**next, *endpoint)).is_some()
        };
        let [cluster, local] = &mut lists;
        is_in(cluster) | is_in(local)
    };
    endpoints.iter().filter(|endpoint| is_in_either(endpoint)).collect()
}

/// Whom hints are for: they count if each ready endpoint has some, and one of them is for this place.
fn hints(endpoints: &[Endpoint], at: &Location, version: Version) -> Hints {
    let ready = || endpoints.iter().filter(|e| e.is_ready);
    match version {
        // The hints of its time hung on an annotation and a gate.
        Version::V1_20 => return Hints::None,
        Version::V1_30 => {}
        Version::V1_36 => {
            if ready().all(|e| !e.node_hints.is_empty())
                && ready().any(|e| e.node_hints.contains(&at.node))
            {
                return Hints::Node;
            }
        }
    }
    let Some(zone) = &at.zone else { return Hints::None };
    let all = ready().all(|e| !e.zone_hints.is_empty());
    if all && ready().any(|e| e.zone_hints.contains(zone)) { Hints::Zone } else { Hints::None }
}
