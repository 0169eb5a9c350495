//! What IPv4 keeps on a device: its addresses and its settings (`struct in_device`).

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use crate::id::DevId;
use crate::kernel::{Kernel, TimerId};
use crate::link::DevName;
use crate::link::group::{Group, Igmp};
use crate::time::SimTime;

/// A device's IPv4 side.
#[derive(Clone, Debug, Default)]
pub struct InDevice {
    /// Addresses in the kernel's order: primaries by falling scope number, then secondaries.
    pub addrs: Vec<IfAddr>,
    /// Groups that somebody has joined by the device, the newest first (`mc_list`).
    pub groups: Vec<Group>,
    /// What is known of the routers that ask for groups.
    pub igmp: Option<Box<Igmp>>,
    /// The device's copy of `net.ipv4.conf`.
    pub conf: Ipv4Conf,
}

/// An IPv4 address on a device (`struct in_ifaddr`).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct IfAddr {
    /// The address itself (`IFA_LOCAL`).
    pub local: Ipv4Addr,
    /// The other end of a point-to-point link, else the same as `local` (`IFA_ADDRESS`).
    pub peer: Ipv4Addr,
    /// The prefix length of `peer`'s subnet.
    pub prefix_len: u8,
    /// The broadcast address, if one was set.
    pub broadcast: Option<Ipv4Addr>,
    /// How far the address is valid.
    pub scope: Scope,
    /// The label, by default the device's name.
    pub label: DevName,
    /// Whether another address of the same subnet came first (`IFA_F_SECONDARY`).
    pub secondary: bool,
    /// No route to the subnet is made for it (`IFA_F_NOPREFIXROUTE`).
    pub no_prefix_route: bool,
    /// The metric of its subnet's route, 0 when not given (`IFA_RT_PRIORITY`).
    pub metric: u32,
    /// How long it is valid, in seconds from `since`; `None` is forever (`IFA_F_PERMANENT`).
    pub valid_lft_s: Option<u32>,
    /// How long it is preferred, in seconds from `since`; `None` is forever.
    pub preferred_lft_s: Option<u32>,
    /// When its lifetimes were set.
    pub since: SimTime,
    /// Its preferred lifetime is over (`IFA_F_DEPRECATED`).
    pub deprecated: bool,
    /// The host is in the group that it is (`IFA_F_MCAUTOJOIN`).
    pub autojoin: bool,
    /// What ends its next lifetime.
    pub timer: Option<TimerId>,
    /// Who put it there (`IFA_PROTO`), 0 when not given.
    pub proto: u8,
}

impl IfAddr {
    /// A permanent address of its own subnet, as `ip addr add` makes it without further words.
    #[must_use]
    pub fn new(local: Ipv4Addr, prefix_len: u8, label: DevName) -> Self {
        Self {
            local,
            peer: local,
            prefix_len,
            broadcast: None,
            scope: Scope::UNIVERSE,
            label,
            secondary: false,
            no_prefix_route: false,
            metric: 0,
            valid_lft_s: None,
            preferred_lft_s: None,
            since: SimTime::ZERO,
            deprecated: false,
            autojoin: false,
            timer: None,
            proto: 0,
        }
    }

    /// The subnet that the address speaks for.
    #[must_use]
    pub fn subnet(&self) -> Ipv4Net {
        Ipv4Net::new(self.peer, self.prefix_len).expect("checked when it was added").trunc()
    }

    /// The subnet's directed broadcast address.
    #[must_use]
    pub fn subnet_broadcast(&self) -> Ipv4Addr {
        self.subnet().broadcast()
    }

    /// Whether both speak for the same subnet.
    #[must_use]
    pub fn same_subnet(&self, other: &Self) -> bool {
        self.prefix_len == other.prefix_len && other.matches(self.peer)
    }

    /// Whether `addr` lies in the address's subnet (`inet_ifa_match()`).
    #[must_use]
    pub fn matches(&self, addr: Ipv4Addr) -> bool {
        self.subnet().contains(&addr)
    }
}

/// How far something is valid (`rtm_scope`); smaller is wider.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Scope(pub u8);

impl Scope {
    /// Valid everywhere: `global`, in routes also called universe.
    pub const UNIVERSE: Self = Self(0);
    /// Valid within the site.
    pub const SITE: Self = Self(200);
    /// Valid on the link.
    pub const LINK: Self = Self(253);
    /// Valid in this host.
    pub const HOST: Self = Self(254);
    /// No destination.
    pub const NOWHERE: Self = Self(255);
}

/// The settings under `net.ipv4.conf.{all,default,DEV}`, each an integer as in the kernel.
///
/// How `all` and the device's own value combine is said by [`ConfKey::combine`];
/// [`Kernel::conf`] reads the result.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Ipv4Conf {
    values: Values,
    /// Which keys somebody has written: a device's no longer follow `default` (`ipv4_devconf.state`).
    set: u64,
}

/// The values, which are shared as long as nobody has changed one: most namespaces never do.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Values {
    Defaults(&'static [i32; ConfKey::COUNT]),
    Own(Box<[i32; ConfKey::COUNT]>),
}

/// How the value under `all` and the device's own make the one that counts (`IN_DEV_ORCONF()` and
/// its like in `include/linux/inetdevice.h`).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Combine {
    /// On if either is on.
    Or,
    /// On if both are on.
    And,
    /// The larger one.
    Max,
    /// The device's own.
    Device,
}

/// Declares the keys with the defaults of a fresh kernel (`ipv4_devconf`) and how each combines.
macro_rules! conf_keys {
    ($($key:ident = $name:literal, $default:literal, $combine:ident;)*) => {
        /// A setting under `net.ipv4.conf`.
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub enum ConfKey {
            $(#[doc = concat!("`", $name, "`, by default ", stringify!($default), ".")] $key,)*
        }

        impl ConfKey {
            /// All keys, in the order in which `sysctl -a` lists them.
            pub const ALL: &'static [Self] = &[$(Self::$key,)*];
            const COUNT: usize = Self::ALL.len();

            /// The last part of the sysctl's name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$key => $name,)* }
            }

            /// How `all` and the device's own value combine.
            #[must_use]
            pub const fn combine(self) -> Combine {
                match self { $(Self::$key => Combine::$combine,)* }
            }
        }

        static DEFAULTS: [i32; ConfKey::COUNT] = [$($default,)*];
    };
}

conf_keys! {
    AcceptLocal = "accept_local", 0, Or;
    AcceptRedirects = "accept_redirects", 1, Device;
    AcceptSourceRoute = "accept_source_route", 1, And;
    ArpAccept = "arp_accept", 0, Max;
    ArpAnnounce = "arp_announce", 0, Max;
    ArpEvictNocarrier = "arp_evict_nocarrier", 1, And;
    ArpFilter = "arp_filter", 0, Or;
    ArpIgnore = "arp_ignore", 0, Max;
    ArpNotify = "arp_notify", 0, Max;
    BcForwarding = "bc_forwarding", 0, And;
    BootpRelay = "bootp_relay", 0, And;
    DisablePolicy = "disable_policy", 0, Or;
    DisableXfrm = "disable_xfrm", 0, Or;
    DropGratuitousArp = "drop_gratuitous_arp", 0, Or;
    DropUnicastInL2Multicast = "drop_unicast_in_l2_multicast", 0, Or;
    ForceIgmpVersion = "force_igmp_version", 0, Max;
    Forwarding = "forwarding", 0, Device;
    Igmpv2UnsolicitedReportInterval = "igmpv2_unsolicited_report_interval", 10000, Device;
    Igmpv3UnsolicitedReportInterval = "igmpv3_unsolicited_report_interval", 1000, Device;
    IgnoreRoutesWithLinkdown = "ignore_routes_with_linkdown", 0, Or;
    LogMartians = "log_martians", 0, Or;
    McForwarding = "mc_forwarding", 0, And;
    MediumId = "medium_id", 0, Device;
    PromoteSecondaries = "promote_secondaries", 0, Or;
    ProxyArp = "proxy_arp", 0, Or;
    ProxyArpPvlan = "proxy_arp_pvlan", 0, Or;
    RouteLocalnet = "route_localnet", 0, Or;
    RpFilter = "rp_filter", 0, Max;
    SecureRedirects = "secure_redirects", 1, Or;
    SendRedirects = "send_redirects", 1, Or;
    SharedMedia = "shared_media", 1, Or;
    SrcValidMark = "src_valid_mark", 0, Or;
    Tag = "tag", 0, Device;
}

/// The loopback device has no use for IPsec (`inetdev_event()`).
static LOOPBACK_DEFAULTS: [i32; ConfKey::COUNT] = {
    let mut values = DEFAULTS;
    values[ConfKey::DisablePolicy as usize] = 1;
    values[ConfKey::DisableXfrm as usize] = 1;
    values
};

/// Source routes are accepted by a device only if `all` agrees, and it does not.
static ALL_DEFAULTS: [i32; ConfKey::COUNT] = {
    let mut values = DEFAULTS;
    values[ConfKey::AcceptSourceRoute as usize] = 0;
    values
};

impl Default for Ipv4Conf {
    fn default() -> Self {
        Self { values: Values::Defaults(&DEFAULTS), set: 0 }
    }
}

impl Ipv4Conf {
    /// What the loopback device of a fresh namespace has.
    #[must_use]
    pub fn loopback() -> Self {
        Self { values: Values::Defaults(&LOOPBACK_DEFAULTS), set: 0 }
    }

    /// What `all` has in a fresh namespace.
    #[must_use]
    pub fn all() -> Self {
        Self { values: Values::Defaults(&ALL_DEFAULTS), set: 0 }
    }

    /// Sets the value of `key` at somebody's wish.
    pub fn write(&mut self, key: ConfKey, value: i32) {
        self.set(key, value);
        self.set |= 1 << key as u32;
    }

    /// Whether somebody has written `key`.
    #[must_use]
    pub fn is_set(&self, key: ConfKey) -> bool {
        self.set & (1 << key as u32) != 0
    }

    /// From now on the device follows `default` in nothing (`ipv4_devconf_setall()`).
    pub fn set_all(&mut self) {
        self.set = u64::MAX;
    }

    /// The value of `key`.
    #[must_use]
    #[inline]
    pub fn get(&self, key: ConfKey) -> i32 {
        match &self.values {
            Values::Defaults(values) => values[key as usize],
            Values::Own(values) => values[key as usize],
        }
    }

    /// Sets the value of `key`.
    pub fn set(&mut self, key: ConfKey, value: i32) {
        match &mut self.values {
            Values::Defaults(values) if values[key as usize] == value => {}
            Values::Defaults(values) => {
                let mut own = Box::new(**values);
                own[key as usize] = value;
                self.values = Values::Own(own);
            }
            Values::Own(values) => values[key as usize] = value,
        }
    }

    /// Whether `key` is not zero.
    #[must_use]
    #[inline]
    pub fn is_on(&self, key: ConfKey) -> bool {
        self.get(key) != 0
    }
}

impl Kernel {
    /// The value of `key` that counts for `dev`.
    #[must_use]
    #[inline]
    pub fn conf(&self, dev: DevId, key: ConfKey) -> i32 {
        let dev = &self.devs[dev];
        let own = dev.inet.conf.get(key);
        let all = || self.netns[dev.netns].conf_all.get(key);
        match key.combine() {
            Combine::Device => own,
            Combine::Or => i32::from(own != 0 || all() != 0),
            Combine::And => i32::from(own != 0 && all() != 0),
            Combine::Max => own.max(all()),
        }
    }

    /// Whether `key` is on for `dev`.
    #[must_use]
    #[inline]
    pub fn conf_is_on(&self, dev: DevId, key: ConfKey) -> bool {
        self.conf(dev, key) != 0
    }

    /// Whether `dev` follows redirects: a router only where all agree, a host where any does
    /// (`IN_DEV_RX_REDIRECTS()`).
    #[must_use]
    pub fn accepts_redirects(&self, dev: DevId) -> bool {
        let own = &self.devs[dev].inet.conf;
        let all = self.netns[self.devs[dev].netns].conf_all.is_on(ConfKey::AcceptRedirects);
        if own.is_on(ConfKey::Forwarding) {
            own.is_on(ConfKey::AcceptRedirects) && all
        } else {
            own.is_on(ConfKey::AcceptRedirects) || all
        }
    }
}
