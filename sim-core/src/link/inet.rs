//! What IPv4 keeps on a device: its addresses and its settings (`struct in_device`).

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use crate::link::DevName;

/// A device's IPv4 side.
#[derive(Clone, Debug, Default)]
pub struct InDevice {
    /// Addresses: the primaries of every subnet before its secondaries, as the kernel links them.
    pub addrs: Vec<IfAddr>,
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
    /// How long it is valid, in seconds; `None` is forever.
    pub valid_lft_s: Option<u32>,
    /// How long it is preferred, in seconds; `None` is forever.
    pub preferred_lft_s: Option<u32>,
    /// Who put it there (`IFA_PROTO`), 0 when not given.
    pub proto: u8,
}

impl IfAddr {
    /// The subnet that the address speaks for.
    #[must_use]
    pub fn subnet(&self) -> Ipv4Net {
        Ipv4Net::new(self.peer, self.prefix_len).expect("checked when it was added").trunc()
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
/// Which of `all` and the device wins, and how they combine, is decided where each is read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Ipv4Conf {
    values: [i32; ConfKey::COUNT],
}

/// Declares the keys with the defaults of a fresh kernel (`ipv4_devconf`).
macro_rules! conf_keys {
    ($($key:ident = $name:literal, $default:literal;)*) => {
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
        }

        impl Default for Ipv4Conf {
            fn default() -> Self {
                Self { values: [$($default,)*] }
            }
        }
    };
}

conf_keys! {
    AcceptLocal = "accept_local", 0;
    AcceptRedirects = "accept_redirects", 1;
    AcceptSourceRoute = "accept_source_route", 1;
    ArpAccept = "arp_accept", 0;
    ArpAnnounce = "arp_announce", 0;
    ArpEvictNocarrier = "arp_evict_nocarrier", 1;
    ArpFilter = "arp_filter", 0;
    ArpIgnore = "arp_ignore", 0;
    ArpNotify = "arp_notify", 0;
    BcForwarding = "bc_forwarding", 0;
    BootpRelay = "bootp_relay", 0;
    DisablePolicy = "disable_policy", 0;
    DisableXfrm = "disable_xfrm", 0;
    DropGratuitousArp = "drop_gratuitous_arp", 0;
    DropUnicastInL2Multicast = "drop_unicast_in_l2_multicast", 0;
    ForceIgmpVersion = "force_igmp_version", 0;
    Forwarding = "forwarding", 0;
    Igmpv2UnsolicitedReportInterval = "igmpv2_unsolicited_report_interval", 10000;
    Igmpv3UnsolicitedReportInterval = "igmpv3_unsolicited_report_interval", 1000;
    IgnoreRoutesWithLinkdown = "ignore_routes_with_linkdown", 0;
    LogMartians = "log_martians", 0;
    McForwarding = "mc_forwarding", 0;
    MediumId = "medium_id", 0;
    PromoteSecondaries = "promote_secondaries", 0;
    ProxyArp = "proxy_arp", 0;
    ProxyArpPvlan = "proxy_arp_pvlan", 0;
    RouteLocalnet = "route_localnet", 0;
    RpFilter = "rp_filter", 0;
    SecureRedirects = "secure_redirects", 1;
    SendRedirects = "send_redirects", 1;
    SharedMedia = "shared_media", 1;
    SrcValidMark = "src_valid_mark", 0;
    Tag = "tag", 0;
}

impl Ipv4Conf {
    /// The value of `key`.
    #[must_use]
    pub fn get(&self, key: ConfKey) -> i32 {
        self.values[key as usize]
    }

    /// Sets the value of `key`.
    pub fn set(&mut self, key: ConfKey, value: i32) {
        self.values[key as usize] = value;
    }

    /// Whether `key` is not zero.
    #[must_use]
    pub fn is_on(&self, key: ConfKey) -> bool {
        self.get(key) != 0
    }
}
