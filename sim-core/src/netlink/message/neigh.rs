//! Neighbours (`RTM_NEWNEIGH`).

use std::net::IpAddr;

use crate::id::{DevId, IfIndex, NetnsId};
use crate::kernel::Kernel;
use crate::neigh::{Neigh, NudState};
use crate::packet::MacAddr;

/// A neighbour, or an address that is answered for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NeighMsg {
    /// The address (`NDA_DST`).
    pub dst: IpAddr,
    /// The device; an address may be answered for on all (`ndm_ifindex`).
    pub index: Option<IfIndex>,
    /// Its link layer address, if it is known (`NDA_LLADDR`).
    pub lladdr: Option<MacAddr>,
    /// Its state (`ndm_state`).
    pub state: NudState,
    /// It forwards packets (`NTF_ROUTER`).
    pub router: bool,
    /// It is answered for (`NTF_PROXY`).
    pub proxy: bool,
    /// A program put it there (`NTF_EXT_LEARNED`).
    pub extern_learn: bool,
    /// Who put it there (`NDA_PROTOCOL`).
    pub protocol: u8,
    /// Its times and counts; an address that is answered for has none.
    pub cache: Option<CacheMsg>,
}

/// Times and counts of a neighbour (`NDA_CACHEINFO`, `NDA_PROBES`).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct CacheMsg {
    /// Who refers to it, beside the table.
    pub refs: u32,
    /// Seconds since it was last used.
    pub used_s: u64,
    /// Seconds since it last gave a sign of life.
    pub confirmed_s: u64,
    /// Seconds since it was last changed.
    pub updated_s: u64,
    /// How many requests were sent.
    pub probes: i64,
}

/// Jiffies in a second.
const HZ: i64 = 250;

impl NeighMsg {
    /// What is told of a neighbour (`neigh_fill_info()`).
    #[must_use]
    pub fn of(k: &Kernel, dev: DevId, addr: IpAddr, neigh: &Neigh) -> Self {
        let now = i64::try_from(k.now.jiffies()).unwrap_or(i64::MAX);
        let since = |then: i64| u64::try_from(now.saturating_sub(then) / HZ).unwrap_or(0);
        let valid = neigh.state.is_valid();
        Self {
            dst: addr,
            index: k.devs.get(dev).map(|dev| dev.ifindex),
            lladdr: valid.then_some(neigh.lladdr),
            state: neigh.state,
            router: neigh.router,
            proxy: false,
            extern_learn: neigh.extern_learn,
            protocol: neigh.protocol,
            cache: Some(CacheMsg {
                refs: neigh.has_timer().into(),
                used_s: since(neigh.used),
                confirmed_s: since(neigh.confirmed),
                updated_s: since(neigh.updated),
                probes: neigh.probes,
            }),
        }
    }
}

/// All neighbours of a namespace, in the order in which they were made; the kernel hashes them with a
/// key that changes at every boot.
#[must_use]
pub fn dump(k: &Kernel, netns: NetnsId) -> Vec<NeighMsg> {
    let entries = k.netns[netns].arp.iter();
    entries.map(|(dev, addr, neigh)| NeighMsg::of(k, dev, addr.into(), neigh)).collect()
}

/// All addresses of a namespace that are answered for (`pneigh_dump_table()`).
#[must_use]
pub fn proxies(k: &Kernel, netns: NetnsId) -> Vec<NeighMsg> {
    let tell = |(addr, dev, proxy): (_, Option<DevId>, &crate::neigh::Proxy)| NeighMsg {
        dst: IpAddr::V4(addr),
        index: dev.and_then(|dev| k.devs.get(dev)).map(|dev| dev.ifindex),
        lladdr: None,
        state: NudState::None,
        router: proxy.router,
        proxy: true,
        extern_learn: false,
        protocol: proxy.protocol,
        cache: None,
    };
    k.netns[netns].arp.proxies().map(tell).collect()
}

/// The neighbour or proxy entry of one address, if there is one (`neigh_get()`).
#[must_use]
pub fn get(
    k: &Kernel,
    netns: NetnsId,
    dev: Option<DevId>,
    addr: std::net::Ipv4Addr,
    proxy: bool,
) -> Option<NeighMsg> {
    if proxy {
        let index = dev.and_then(|dev| k.devs.get(dev)).map(|dev| dev.ifindex);
        let mut all = proxies(k, netns).into_iter();
        return all.find(|msg| msg.dst == IpAddr::V4(addr) && msg.index == index);
    }
    let dev = dev?;
    let neigh = k.netns[netns].arp.get(dev, addr)?;
    Some(NeighMsg::of(k, dev, addr.into(), neigh))
}
