//! IPv4 options on the way (`net/ipv4/ip_options.c`): judged and filled in when a packet is received,
//! completed when it is passed on.

use std::net::Ipv4Addr;

use crate::family::V4;
use crate::ip::forward::next_hop;
use crate::ip::{flow, icmp};
use crate::kernel::{Flight, Kernel};
use crate::link::inet::{ConfKey, Scope};
use crate::netns::mib::IpMib;
use crate::netns::stack::Decision;
use crate::packet::build::IcmpParams;
use crate::packet::checksum::ip_compute_csum;
use crate::packet::ipv4::IPV4_HLEN;
use crate::packet::ipv4_options::{
    self, Echo, IpOptions, MAX_IPOPTLEN, OptionsHost, OptionsOrigin, ParameterProblem, compile_into,
};
use crate::packet::{IcmpType, Ipv4, PacketType, Skb};
use crate::route::fib::{Linkstate, lookup};
use crate::route::source::source_of_route;
use crate::route::{self, FlowKey, RouteType};
use crate::trace::{DropReason, Observer};

/// What this host knows of itself, to the options of one received packet.
struct Receiver<'k> {
    k: &'k Kernel,
    f: &'k Flight,
}

impl OptionsHost for Receiver<'_> {
    fn spec_dst(&mut self) -> Ipv4Addr {
        spec_dst(self.k, self.f).unwrap_or(Ipv4Addr::UNSPECIFIED)
    }

    fn is_foreign_unicast(&mut self, addr: Ipv4Addr) -> bool {
        route::addr_type(self.k, self.f.netns, addr) == RouteType::Unicast
    }

    fn timestamp_ms(&mut self) -> u32 {
        timestamp_ms(self.k)
    }
}

/// The address that an answer to the packet comes from (`fib_compute_spec_dst()`).
#[must_use]
pub fn spec_dst(k: &Kernel, f: &Flight) -> Option<Ipv4Addr> {
    let flow = flow::of(&f.skb, f.iif.filter(|dev| k.devs.get(*dev).is_some()).unwrap_or(f.dev))?;
    route::compute_spec_dst(k, &flow, f.dst?.kind)
}

/// Turns the options of the packet around for an answer (`ip_options_echo()`); `None` if they cannot be.
#[must_use]
pub fn echo(k: &Kernel, f: &Flight) -> Option<Echo> {
    let header = f.skb.network_header();
    ipv4_options::echo(header, &f.cb.opt, |addr| {
        route::addr_type(k, f.netns, addr) == RouteType::Unicast
    })
    .ok()
}

/// Milliseconds since midnight, universal time (`inet_current_timestamp()`).
#[must_use]
pub fn timestamp_ms(k: &Kernel) -> u32 {
    const DAY_MS: u64 = 86_400_000;
    u32::try_from(k.now.unix_micros() / 1000 % DAY_MS).unwrap_or(0)
}

/// Judges the options of a received packet, writes what the receiver writes, and follows a source
/// route (`ip_rcv_options()`).
///
/// # Errors
/// The packet is dropped; its sender has been told where the options are wrong.
pub fn receive<O: Observer>(k: &mut Kernel, f: &mut Flight, o: &mut O) -> Decision<()> {
    let mut bytes = [0; MAX_IPOPTLEN];
    let Ok(ip) = Ipv4::parse(f.skb.network_header()) else { return Err(DropReason::IpInHdr) };
    let len = ip.options().len().min(MAX_IPOPTLEN);
    let bytes = &mut bytes[..len];
    bytes.copy_from_slice(&ip.options()[..len]);
    let mut found = IpOptions::default();
    let judged = compile_into(&mut found, bytes, OptionsOrigin::Packet, &mut Receiver { k, f });
    f.cb.opt = found;
    write(&mut f.skb, bytes);
    if let Err(problem) = judged {
        complain(k, f, problem, o);
        k.netns[f.netns].mib.ip.inc(IpMib::InHdrErrors);
        return Err(DropReason::IpInHdr);
    }
    if f.cb.opt.srr.is_none() {
        return Ok(());
    }
    if !k.conf_is_on(f.dev, ConfKey::AcceptSourceRoute) {
        return Err(DropReason::NotSpecified);
    }
    follow_source_route(k, f, o)
}

/// Puts changed options back. The checksum is made when the packet is passed on.
fn write(skb: &mut Skb, options: &[u8]) {
    if let Some(to) = skb.network_header_mut().get_mut(IPV4_HLEN..IPV4_HLEN + options.len()) {
        to.copy_from_slice(options);
    }
}

/// Tells the sender which byte is wrong.
fn complain<O: Observer>(k: &mut Kernel, f: &Flight, problem: ParameterProblem, o: &mut O) {
    let pointer = u32::from(problem.pointer) << 24;
    icmp::send(k, f, IcmpParams::error(IcmpType::PARAMETER_PROBLEM, 0, pointer), o);
}

/// Finds the next stop of a source route that has led here (`ip_options_rcv_srr()`).
fn follow_source_route<O: Observer>(k: &mut Kernel, f: &mut Flight, o: &mut O) -> Decision<()> {
    const REFUSED: Decision<()> = Err(DropReason::NotSpecified);
    let (Some(dst), Some(srr)) = (f.dst, f.cb.opt.srr) else { return REFUSED };
    if f.skb.meta.pkt_type != PacketType::Host {
        return REFUSED;
    }
    if dst.kind == RouteType::Unicast {
        // It has not come to its next stop yet, which a strict route does not allow.
        if f.cb.opt.is_strictroute {
            complain(k, f, ParameterProblem { pointer: 16 }, o);
            return REFUSED;
        }
        return Ok(());
    }
    if dst.kind != RouteType::Local {
        return REFUSED;
    }
    let srr = usize::from(srr);
    let (len, mut pointer) = (byte(&f.skb, srr + 1), byte(&f.skb, srr + 2));
    while pointer <= len {
        if pointer + 3 > len {
            let at = u8::try_from(srr + 2).unwrap_or(u8::MAX);
            complain(k, f, ParameterProblem { pointer: at }, o);
            return REFUSED;
        }
        let next = addr(&f.skb, srr + pointer - 1);
        let Some(flow) = flow::of(&f.skb, f.dev) else { return REFUSED };
        let Ok(way) = route::input(k, f.netns, &FlowKey { dst: next, ..flow }) else {
            return REFUSED;
        };
        if !matches!(way.dst.kind, RouteType::Unicast | RouteType::Local) {
            return REFUSED;
        }
        f.dst = Some(way.dst);
        f.cb.do_redirect = way.do_redirect;
        if way.dst.kind == RouteType::Unicast {
            f.cb.srr_next_hop = Some(next);
            f.cb.opt.is_changed = true;
            return Ok(());
        }
        // The next stop is this host too.
        put(&mut f.skb, 16, next);
        f.cb.opt.is_changed = true;
        pointer += 4;
    }
    Ok(())
}

/// Writes this router's addresses into the options of a packet that is passed on, and sends it to the
/// next stop of its source route (`ip_forward_options()`).
pub fn forward(k: &Kernel, f: &mut Flight) {
    let opt = f.cb.opt;
    if let Some(rr) = opt.rr.filter(|_| opt.rr_needaddr) {
        let slot = slot(&f.skb, rr, 5);
        let source = leaving_address(k, f);
        put(&mut f.skb, slot, source);
        f.cb.opt.is_changed = true;
    }
    if let (Some(srr), Some(next)) = (opt.srr, f.cb.srr_next_hop) {
        record_stop(k, f, usize::from(srr), next);
        // Only where a source route led here, as in the kernel.
        if let Some(ts) = opt.ts.filter(|_| opt.ts_needaddr) {
            let slot = slot(&f.skb, ts, 9);
            let source = leaving_address(k, f);
            put(&mut f.skb, slot, source);
            f.cb.opt.is_changed = true;
        }
    }
    if std::mem::take(&mut f.cb.opt.is_changed) {
        let header_len = byte(&f.skb, 0) % 16 * 4;
        if let Some(header) = f.skb.network_header_mut().get_mut(..header_len) {
            header[10..12].fill(0);
            let check = ip_compute_csum(header);
            header[10..12].copy_from_slice(&check.to_be_bytes());
        }
    }
}

/// Puts this router's address in the place of the next stop, to which the packet now goes.
fn record_stop(k: &Kernel, f: &mut Flight, srr: usize, next: Ipv4Addr) {
    let (len, mut pointer) = (byte(&f.skb, srr + 1), byte(&f.skb, srr + 2));
    while pointer + 3 <= len && addr(&f.skb, srr + pointer - 1) != next {
        pointer += 4;
    }
    if pointer + 3 > len {
        return;
    }
    f.cb.opt.is_changed = true;
    put(&mut f.skb, 16, next);
    let source = leaving_address(k, f);
    put(&mut f.skb, srr + pointer - 1, source);
    if let Some(to) = f.skb.network_header_mut().get_mut(srr + 2) {
        *to = u8::try_from(pointer + 4).unwrap_or(u8::MAX);
    }
}

/// Where in the header the address lies that ends `back` bytes behind an option's pointer.
fn slot(skb: &Skb, option: u8, back: usize) -> usize {
    let option = usize::from(option);
    (option + byte(skb, option + 2)).saturating_sub(back)
}

/// The address that this host has towards where the packet goes (`ip_rt_get_source()`).
fn leaving_address(k: &Kernel, f: &Flight) -> Ipv4Addr {
    let none = Ipv4Addr::UNSPECIFIED;
    let (Ok(ip), Some(dst)) = (Ipv4::parse(f.skb.network_header()), f.dst) else { return none };
    let Some(iif) = f.iif.filter(|_| f.cb.forwarded) else { return ip.src() };
    let flow = FlowKey::<V4> {
        iif: Some(iif),
        oif: Some(dst.dev),
        mark: f.skb.meta.mark,
        tos: ip.tos(),
        ..FlowKey::between(ip.src(), ip.dst())
    };
    let source = match lookup::<V4>(k, f.netns, &flow, Linkstate::Respected) {
        Ok(found) => source_of_route(k, &found),
        Err(_) => route::select_source(k, dst.dev, next_hop(&dst, ip.dst()), Scope::UNIVERSE),
    };
    source.unwrap_or(none)
}

fn byte(skb: &Skb, at: usize) -> usize {
    usize::from(skb.network_header().get(at).copied().unwrap_or(0))
}

fn addr(skb: &Skb, at: usize) -> Ipv4Addr {
    let bytes = skb.network_header().get(at..).and_then(<[u8]>::first_chunk::<4>);
    bytes.copied().map_or(Ipv4Addr::UNSPECIFIED, Ipv4Addr::from_octets)
}

fn put(skb: &mut Skb, at: usize, addr: Ipv4Addr) {
    if let Some(to) = skb.network_header_mut().get_mut(at..at + 4) {
        to.copy_from_slice(&addr.octets());
    }
}
