//! `ServiceCIDR`s.

use k8s_openapi::api::networking::v1::ServiceCIDR;
use serde_json::json;
use sim_core::family::AddressFamily;

use super::Kind;
use crate::api::checks::{address, list};
use crate::api::error::Errors;
use crate::api::settings::{Settings, family};
use crate::path::FieldPath;

impl Kind for ServiceCIDR {
    fn prepare_for_update(&mut self, old: &Self) {
        self.status.clone_from(&old.status);
    }

    fn validate(&self, _: &Settings, errors: &mut Errors) {
        let path = FieldPath::new("spec.cidrs");
        let spec = self.spec.as_ref();
        let cidrs = spec.map_or(&[][..], |spec| list(&spec.cidrs));
        if cidrs.is_empty() {
            return errors.required(&path, "at least one CIDR required");
        }
        if cidrs.len() > 2 {
            // In the names of the API server's own type.
            let value = json!({"CIDRs": cidrs});
            return errors.invalid(&path, &value, "may only hold up to 2 values");
        }
        for (i, cidr) in cidrs.iter().enumerate() {
            address::check_canonical_range(cidr, &path.index(i), errors);
        }
        let families: Vec<AddressFamily> =
            cidrs.iter().filter_map(|cidr| address::parse_range(cidr)).map(family).collect();
        if let [first, second] = families[..]
            && first == second
        {
            let why = "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64";
            errors.invalid(&path, cidrs, why);
        }
    }

    /// A range stays, and may get one of the other family beside it.
    fn validate_update(&self, old: &Self, errors: &mut Errors) {
        let cidrs = |cidr: &Self| cidr.spec.as_ref().and_then(|spec| spec.cidrs.clone());
        let (new, old) = (cidrs(self).unwrap_or_default(), cidrs(old).unwrap_or_default());
        let path = FieldPath::new("spec.cidrs");
        if new.len() != old.len() && (new.len(), old.len()) != (2, 1) {
            return errors.invalid(&path, &new, "field is immutable");
        }
        let pairs = new.iter().zip(&old).enumerate();
        for (i, (cidr, _)) in pairs.filter(|(_, (new, old))| new != old) {
            errors.invalid(&path.index(i), cidr, "field is immutable");
        }
    }
}
