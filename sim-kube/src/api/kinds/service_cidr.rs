//! `ServiceCIDR`s.

use k8s_openapi::api::networking::v1::ServiceCIDR;
use serde_json::json;

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
        // In the names of the API server's own type.
        let value = json!({"CIDRs": cidrs});
        match cidrs {
            [] => return errors.required(&path, "at least one CIDR required"),
            [_] => {}
            [first, second] => {
                let families = [first, second].map(|cidr| address::parse_range(cidr).map(family));
                if !matches!(families, [Some(first), Some(second)] if first != second) {
                    let why = "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64";
                    return errors.invalid(&path, &value, why);
                }
            }
            _ => return errors.invalid(&path, &value, "may only hold up to 2 values"),
        }
        for (i, cidr) in cidrs.iter().enumerate() {
            address::check_range(cidr, &path.index(i), errors);
        }
    }

    fn validate_update(&self, old: &Self, errors: &mut Errors) {
        let cidrs = |cidr: &Self| cidr.spec.as_ref().and_then(|spec| spec.cidrs.clone());
        let (new, old) = (cidrs(self), cidrs(old));
        if new != old {
            errors.invalid(&FieldPath::new("spec.cidrs"), &new, "field is immutable");
        }
    }
}
