//! `ServiceCIDR`s.

use k8s_openapi::api::networking::v1::ServiceCIDR;
use sim_core::family::AddressFamily;

use super::Kind;
use crate::api::checks::{address, list};
use crate::api::error::Errors;
use crate::api::settings::Settings;
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
            errors.required(&path, "at least one CIDR required");
        }
        if cidrs.len() > 2 {
            errors.invalid(&path, cidrs, "may only hold up to 2 values");
        }
        for (i, cidr) in cidrs.iter().enumerate() {
            address::check_range(cidr, &path.index(i), errors);
        }
        let families = cidrs.iter().filter_map(|cidr| address::parse_range(cidr));
        let families: Vec<AddressFamily> =
            families.map(|net| AddressFamily::of(net.addr())).collect();
        if let [first, second] = families.as_slice()
            && first == second
        {
            let why = "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/96";
            errors.invalid(&path, cidrs, why);
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
