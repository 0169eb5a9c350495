//! The addresses and ports that a Service takes.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::ServiceSpec;

use super::{addresses, has_node_ports, is_headless, needs_health_check, type_of};
use crate::api::allocate::{AllocationError, Allocators, NotAllocated};
use crate::api::checks::{address, list};
use crate::api::error::Errors;
use crate::api::version::Version;
use crate::path::FieldPath;

/// Takes addresses for the Service of a name: those that are asked for, and others of the families that have none.
pub(super) fn addresses(
    name: &str,
    spec: &mut ServiceSpec,
    old: Option<&ServiceSpec>,
    allocators: &mut Allocators<'_>,
    errors: &mut Errors,
) -> Result<(), NotAllocated> {
    if type_of(spec) == "ExternalName" || is_headless(spec) {
        return Ok(());
    }
    let path = FieldPath::new("spec.clusterIPs");
    let kept = old.map_or(&[][..], |old| list(&old.cluster_ips));
    let mut ips = spec.cluster_ips.take().unwrap_or_default();
    let asked = ips.clone();
    for (i, family) in list(&spec.ip_families).iter().enumerate() {
        match ips.get(i) {
            Some(ip) if kept.contains(ip) => {}
            Some(ip) => {
                let Some(parsed) = address::parse(ip) else { continue };
                if let Err(why) = allocators.take_address(parsed) {
                    let why = format!("failed to allocate IP {ip}: {why}");
                    errors.invalid(&path, &asked, why);
                }
            }
            None => {
                let Some(family) = addresses::family(family) else { continue };
                let ip = allocators.next_address(family);
                let ip = ip.map_err(failed(&no_address(name, allocators.settings().version)))?;
                ips.push(ip.to_string());
            }
        }
    }
    spec.cluster_ip = ips.first().cloned();
    spec.cluster_ips = Some(ips);
    Ok(())
}

/// What is said where all addresses are taken. Ranges that are objects know whose address it was to be.
fn no_address(name: &str, version: Version) -> String {
    const WHAT: &str = "failed to allocate a serviceIP";
    if version >= Version::V1_33 { format!("{WHAT} for Service {name:?}") } else { WHAT.to_owned() }
}

/// Takes ports of nodes. Ports of one number and different protocols have the same one.
pub(super) fn ports(
    spec: &mut ServiceSpec,
    old: Option<&ServiceSpec>,
    allocators: &mut Allocators<'_>,
    errors: &mut Errors,
) -> Result<(), NotAllocated> {
    let (new_ones, old_ports) = (spec.clone(), old.map_or(&[][..], |old| list(&old.ports)));
    // What is this Service's already need not be free.
    let mut own: BTreeSet<i32> = old_ports.iter().filter_map(|port| port.node_port).collect();
    own.extend(old.and_then(|old| old.health_check_node_port));
    if has_node_ports(spec) {
        let mut known: BTreeMap<i32, i32> = BTreeMap::new();
        for (i, port) in spec.ports.iter_mut().flatten().enumerate() {
            let draws = new_ones.allocate_load_balancer_node_ports != Some(false)
                || type_of(&new_ones) == "NodePort";
            let alike = list(&new_ones.ports).iter().filter(|other| other.port == port.port);
            let asked = port.node_port.or_else(|| known.get(&port.port).copied());
            let asked = asked.or_else(|| alike.filter_map(|other| other.node_port).next());
            let number = match asked {
                Some(number) if own.contains(&number) || known.get(&port.port) == Some(&number) => {
                    number
                }
                Some(number) => {
                    if let Err(why) = allocators.take_port(number) {
                        let path = FieldPath::new("spec.ports").index(i).field("nodePort");
                        errors.invalid(&path, &number, why.to_string());
                    }
                    number
                }
                None if draws => {
                    allocators.next_port().map_err(failed("failed to allocate a nodePort"))?
                }
                None => continue,
            };
            if old.is_some() {
                own.insert(number);
            }
            known.entry(port.port).or_insert(number);
            port.node_port = Some(number);
        }
    }
    health_check_port(spec, &own, allocators)
}

fn health_check_port(
    spec: &mut ServiceSpec,
    own: &BTreeSet<i32>,
    allocators: &mut Allocators<'_>,
) -> Result<(), NotAllocated> {
    spec.health_check_node_port = spec.health_check_node_port.filter(|port| *port != 0);
    if !needs_health_check(spec) {
        return Ok(());
    }
    match spec.health_check_node_port {
        Some(port) if own.contains(&port) => {}
        Some(port) => {
            let what = format!("failed to allocate requested HealthCheck NodePort {port}");
            allocators.take_port(port).map_err(failed(&what))?;
        }
        None => {
            let port = allocators.next_port();
            let port = port.map_err(failed("failed to allocate a HealthCheck NodePort 0"))?;
            spec.health_check_node_port = Some(port);
        }
    }
    Ok(())
}

fn failed(what: &str) -> impl FnOnce(AllocationError) -> NotAllocated {
    let what = what.to_owned();
    |why| NotAllocated { what, why }
}
