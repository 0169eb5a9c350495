//! The settings of devices for IPv6: names, what may be written, and the defaults for `all` and for new
//! devices. They are kept and shown; IPv6 itself does not read them yet.

use crate::sysctl::value::Kind::{self, Int, Millis, ReadOnly, Secret};
use crate::sysctl::value::{ANY, BYTE, COUNT, FLAG, MAX, SECONDS, WORD};

/// One file of a device.
#[derive(Clone, Copy, Debug)]
pub struct Leaf {
    /// Its name.
    pub name: &'static str,
    /// What may be written to it.
    pub kind: Kind,
    /// What it holds under `all`.
    pub all: i64,
    /// What it holds under `default` and for a new device.
    pub default: i64,
}

/// Declares files: name, kind, default under `all`, default for devices.
macro_rules! leaves {
    ($($name:literal, $kind:expr, $all:literal, $default:literal;)*) => {
        &[$(Leaf { name: $name, kind: $kind, all: $all, default: $default },)*]
    };
}

/// `net.ipv6.conf`.
pub static CONF: &[Leaf] = leaves! {
    "accept_dad", ANY, 0, 1;
    "accept_ra", ANY, 1, 1;
    "accept_ra_defrtr", ANY, 1, 1;
    "accept_ra_from_local", ANY, 0, 0;
    "accept_ra_min_hop_limit", ANY, 1, 1;
    "accept_ra_min_lft", ANY, 0, 0;
    "accept_ra_mtu", ANY, 1, 1;
    "accept_ra_pinfo", ANY, 1, 1;
    "accept_ra_rt_info_max_plen", ANY, 0, 0;
    "accept_ra_rt_info_min_plen", ANY, 0, 0;
    "accept_ra_rtr_pref", ANY, 1, 1;
    "accept_redirects", ANY, 1, 1;
    "accept_source_route", ANY, 0, 0;
    "accept_untracked_na", Int(0, 2), 0, 0;
    "addr_gen_mode", Int(0, 3), 0, 0;
    "autoconf", ANY, 1, 1;
    "dad_transmits", ANY, 1, 1;
    "disable_ipv6", ANY, 0, 0;
    "disable_policy", ANY, 0, 0;
    "drop_unicast_in_l2_multicast", ANY, 0, 0;
    "drop_unsolicited_na", ANY, 0, 0;
    "enhanced_dad", ANY, 1, 1;
    "force_forwarding", FLAG, 0, 0;
    "force_mld_version", ANY, 0, 0;
    "force_tllao", ANY, 0, 0;
    "forwarding", ANY, 0, 0;
    "hop_limit", Int(1, 255), 64, 64;
    "ignore_routes_with_linkdown", ANY, 0, 0;
    "ioam6_enabled", FLAG, 0, 0;
    "ioam6_id", Int(0, 65535), 65535, 65535;
    "ioam6_id_wide", WORD, 4_294_967_295, 4_294_967_295;
    "keep_addr_on_down", ANY, 0, 0;
    "max_addresses", ANY, 16, 16;
    "max_desync_factor", ANY, 600, 600;
    "mc_forwarding", ReadOnly, 0, 0;
    "mldv1_unsolicited_report_interval", Millis, 10000, 10000;
    "mldv2_unsolicited_report_interval", Millis, 1000, 1000;
    "mtu", Int(1280, MAX), 1280, 1280;
    "ndisc_evict_nocarrier", FLAG, 1, 1;
    "ndisc_notify", ANY, 0, 0;
    "ndisc_tclass", BYTE, 0, 0;
    "optimistic_dad", ANY, 0, 0;
    "proxy_ndp", ANY, 0, 0;
    "ra_defrtr_metric", Int(1, 4_294_967_295), 1024, 1024;
    "ra_honor_pio_life", FLAG, 0, 0;
    "ra_honor_pio_pflag", FLAG, 0, 0;
    "regen_max_retry", ANY, 3, 3;
    "regen_min_advance", ANY, 2, 2;
    "router_probe_interval", SECONDS, 60, 60;
    "router_solicitation_delay", SECONDS, 1, 1;
    "router_solicitation_interval", SECONDS, 4, 4;
    "router_solicitation_max_interval", SECONDS, 3600, 3600;
    "router_solicitations", Int(-1, MAX), -1, -1;
    "rpl_seg_enabled", FLAG, 0, 0;
    "seg6_enabled", ANY, 0, 0;
    "seg6_require_hmac", ANY, 0, 0;
    "stable_secret", Secret, 0, 0;
    "suppress_frag_ndisc", ANY, 1, 1;
    "temp_prefered_lft", ANY, 86400, 86400;
    "temp_valid_lft", ANY, 604_800, 604_800;
    "use_oif_addrs_only", ANY, 0, 0;
    "use_optimistic", ANY, 0, 0;
    "use_tempaddr", ANY, 0, 0;
};

/// `net.ipv6.neigh`; times are not rounded to ticks here.
pub static NEIGH: &[Leaf] = leaves! {
    "anycast_delay", ANY, 100, 100;
    "app_solicit", COUNT, 0, 0;
    "base_reachable_time", SECONDS, 30, 30;
    "base_reachable_time_ms", Millis, 30000, 30000;
    "delay_first_probe_time", SECONDS, 5, 5;
    "gc_stale_time", SECONDS, 60, 60;
    "interval_probe_time_ms", Millis, 5000, 5000;
    "locktime", ANY, 0, 0;
    "mcast_resolicit", COUNT, 0, 0;
    "mcast_solicit", COUNT, 3, 3;
    "proxy_delay", ANY, 80, 80;
    "proxy_qlen", COUNT, 64, 64;
    "retrans_time", ANY, 250, 250;
    "retrans_time_ms", Millis, 1000, 1000;
    "ucast_solicit", COUNT, 3, 3;
    "unres_qlen", Int(0, 1_027_504), 101, 101;
    "unres_qlen_bytes", COUNT, 212_992, 212_992;
};

/// The file called `name` in `leaves`, which are sorted.
#[must_use]
pub fn find(leaves: &'static [Leaf], name: &str) -> Option<usize> {
    leaves.binary_search_by(|leaf| leaf.name.cmp(name)).ok()
}
