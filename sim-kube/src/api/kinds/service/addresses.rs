//! The families of a Service's addresses (`initIPFamilyFields()`, `ValidateServiceClusterIPsRelatedFields()`).

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::ServiceSpec;
use sim_core::family::AddressFamily;

use super::{NONE, is_headless, type_of};
use crate::api::checks::{address, list, text};
use crate::api::error::Errors;
use crate::api::settings::Settings;
use crate::api::version::Version;
use crate::path::FieldPath;

/// The families, as the API calls them.
const FAMILIES: &[&str] = &["IPv4", "IPv6"];
/// How many a Service has.
const POLICIES: &[&str] = &["PreferDualStack", "RequireDualStack", "SingleStack"];

/// What the API calls a family.
pub(super) const fn name(family: AddressFamily) -> &'static str {
    match family {
        AddressFamily::Inet => "IPv4",
        AddressFamily::Inet6 => "IPv6",
    }
}

/// Which family the API calls so.
pub(super) fn family(name: &str) -> Option<AddressFamily> {
    match name {
        "IPv4" => Some(AddressFamily::Inet),
        "IPv6" => Some(AddressFamily::Inet6),
        _ => None,
    }
}

/// Sets the families that a Service's addresses have.
pub(super) fn set_families(spec: &mut ServiceSpec, settings: &Settings, errors: &mut Errors) {
    if type_of(spec) == "ExternalName" {
        return;
    }
    check(spec, errors);
    if !errors.0.is_empty() {
        return;
    }
    let selects_nothing = spec.selector.as_ref().is_none_or(|selector| selector.is_empty());
    let is_anything = is_headless(spec) && selects_nothing;
    let default = if is_anything { "RequireDualStack" } else { "SingleStack" };
    let policy = spec.ip_family_policy.get_or_insert_with(|| default.to_owned()).clone();
    infer(spec, settings, errors);
    check_policy(spec, &policy, errors);
    if !errors.0.is_empty() {
        return;
    }
    if !is_anything {
        check_configured(spec, &policy, settings, errors);
    }
    if !errors.0.is_empty() {
        return;
    }
    let configured: Vec<&str> = settings.families().map(name).collect();
    let families = spec.ip_families.get_or_insert_default();
    if families.is_empty() {
        families.extend(configured.first().map(|family| (*family).to_owned()));
    }
    if policy != "SingleStack"
        && families.len() == 1
        && (is_anything || configured.len() == 2)
        && let Some(other) = FAMILIES.iter().find(|family| !families.iter().any(|f| f == *family))
    {
        families.push((*other).to_owned());
    }
    if settings.version < Version::V1_21 {
        spec.ip_family_policy = None;
    }
}

/// Tells the families from the addresses.
fn infer(spec: &mut ServiceSpec, settings: &Settings, errors: &mut Errors) {
    let path = FieldPath::new("spec.clusterIPs");
    let ips = spec.cluster_ips.clone().unwrap_or_default();
    let families = spec.ip_families.get_or_insert_default();
    for (i, ip) in ips.iter().enumerate().skip(families.len()) {
        let Some(parsed) = address::parse(ip) else { break };
        let family = AddressFamily::of(parsed);
        if settings.families().any(|configured| configured == family) {
            families.push(name(family).to_owned());
        } else {
            let why = format!("{} is not configured on this cluster", name(family));
            errors.invalid(&path.index(i), &ips, why);
        }
    }
}

/// Checks that a Service has no more than one of each if it should have one.
fn check_policy(spec: &ServiceSpec, policy: &str, errors: &mut Errors) {
    if policy != "SingleStack" {
        return;
    }
    let path = FieldPath::new("spec.ipFamilyPolicy");
    if list(&spec.cluster_ips).len() == 2 {
        let why = "must be 'RequireDualStack' or 'PreferDualStack' when multiple cluster IPs are specified";
        errors.invalid(&path, policy, why);
    }
    if list(&spec.ip_families).len() == 2 {
        let why = "must be 'RequireDualStack' or 'PreferDualStack' when multiple IP families are specified";
        errors.invalid(&path, policy, why);
    }
}

/// Checks that the cluster has the families.
fn check_configured(spec: &ServiceSpec, policy: &str, settings: &Settings, errors: &mut Errors) {
    let path = FieldPath::new("spec");
    if policy == "RequireDualStack" && settings.service_cidrs.len() < 2 {
        let why = "this cluster is not configured for dual-stack services";
        errors.invalid(&path.field("ipFamilyPolicy"), policy, why);
    }
    for (i, wanted) in list(&spec.ip_families).iter().enumerate() {
        if !settings.families().any(|configured| name(configured) == wanted) {
            let path = path.field("ipFamilies").index(i);
            errors.invalid(&path, wanted, "not configured on this cluster");
        }
    }
}

/// Checks addresses and families, and that they fit.
pub(super) fn check(spec: &ServiceSpec, errors: &mut Errors) {
    if type_of(spec) == "ExternalName" {
        return;
    }
    let path = FieldPath::new("spec");
    if let Some(policy) = spec.ip_family_policy.as_deref().filter(|p| !POLICIES.contains(p)) {
        errors.unsupported(&path.field("ipFamilyPolicy"), policy, POLICIES);
    }
    let mut seen = BTreeSet::new();
    for (i, wanted) in list(&spec.ip_families).iter().enumerate() {
        let path = path.field("ipFamilies").index(i);
        if !FAMILIES.contains(&wanted.as_str()) {
            errors.unsupported(&path, wanted, FAMILIES);
        } else if !seen.insert(wanted) {
            errors.duplicate(&path, wanted);
        }
    }
    check_addresses(spec, &path.field("clusterIPs"), errors);
}

fn check_addresses(spec: &ServiceSpec, path: &FieldPath, errors: &mut Errors) {
    let (first, all) = (text(&spec.cluster_ip), list(&spec.cluster_ips));
    if first.is_empty() && !all.is_empty() {
        errors.invalid(path, all, "must be empty when `clusterIP` is not specified");
    } else if all.first().is_some_and(|ip| ip != first) {
        errors.invalid(path, all, "first value must match `clusterIP`");
    }
    let mut is_wrong = false;
    for (i, ip) in all.iter().enumerate() {
        match ip.as_str() {
            NONE if i == 0 && all.len() > 1 => {
                is_wrong = true;
                errors.invalid(path, all, "'None' must be the first and only value");
            }
            NONE if i == 0 => {}
            other => is_wrong |= !address::check(other, &path.index(i), errors),
        }
    }
    if all.len() > 2 {
        errors.invalid(path, all, "may only hold up to 2 values");
    }
    if is_wrong || is_headless(spec) {
        return;
    }
    let families: Vec<AddressFamily> =
        all.iter().filter_map(|ip| address::parse(ip)).map(AddressFamily::of).collect();
    let has_both =
        families.contains(&AddressFamily::Inet) && families.contains(&AddressFamily::Inet6);
    if families.len() > 1 && !has_both {
        errors.invalid(path, all, "may specify no more than one IP for each IP family");
    }
    for (i, (found, wanted)) in families.iter().zip(list(&spec.ip_families)).enumerate() {
        if family(wanted).is_some_and(|wanted| wanted != *found) {
            let why = format!("expected an {wanted} value as indicated by `ipFamilies[{i}]`");
            errors.invalid(&path.index(i), &all[i], why);
        }
    }
}
