//! What route lookups answered lately, to be answered again without a lookup.
//!
//! Packets of one flow ask the same question over and over. The kernel spares itself the answer by keeping
//! routes at sockets and next hops, which `rt_cache_flush()` makes stale. Here answers are kept by question,
//! and are good for as long as nothing has happened that a lookup could depend on: [`Kernel::flush_routes`]
//! ends that time, for all namespaces. So a remembered answer is always the one a lookup would give.

use std::net::Ipv4Addr;

use crate::errno::Errno;
use crate::family::V4;
use crate::id::NetnsId;
use crate::kernel::Kernel;
use crate::route::input::NoRoute;
use crate::route::{Dst, FlowKey, RouteType, input, output};

/// How many answers are kept; each flow has one place, which the last one to come takes.
const PLACES: usize = 64;

/// Answers to lookups.
#[derive(Clone, Debug)]
pub struct Memo<T> {
    /// The answers, none until the first one comes.
    places: Vec<Option<(FlowKey<V4>, T)>>,
    /// When they were given.
    generation: u64,
}

impl<T> Default for Memo<T> {
    fn default() -> Self {
        Self { places: Vec::new(), generation: 0 }
    }
}

/// What a received packet needs to know of its way.
#[derive(Clone, Copy, Debug)]
pub struct ReceivedWay {
    /// The way.
    pub dst: Dst,
    /// Its sender is to be told of a shorter one.
    pub do_redirect: bool,
}

/// What a packet of this host needs to know of its way.
#[derive(Clone, Copy, Debug)]
pub struct SentWay {
    /// The way.
    pub dst: Dst,
    /// The source address.
    pub src: Ipv4Addr,
    /// The destination address.
    pub to: Ipv4Addr,
    /// The same question may get another answer at any time.
    pub is_fleeting: bool,
}

/// Finds the way of a received packet, as [`input()`] does.
///
/// # Errors
/// As [`input()`].
pub fn received(
    k: &mut Kernel,
    netns: NetnsId,
    flow: &FlowKey<V4>,
) -> Result<ReceivedWay, NoRoute> {
    let generation = k.route_generation;
    if let Some(known) = k.netns[netns].ipv4.received.find(generation, flow) {
        debug_assert_eq!(
            input(k, netns, flow).map(|r| (r.dst, r.do_redirect)),
            Ok((known.dst, known.do_redirect)),
            "a change of routes was not noticed"
        );
        return Ok(known);
    }
    let route = input(k, netns, flow)?;
    let way = ReceivedWay { dst: route.dst, do_redirect: route.do_redirect };
    // What ICMP has taught ends by itself, and groups are joined and left without notice.
    if route.expires.is_none() && way.dst.kind != RouteType::Multicast {
        k.netns[netns].ipv4.received.keep(generation, flow, way);
    }
    Ok(way)
}

/// Finds the way of a packet of this host, as [`output()`] does.
///
/// # Errors
/// As [`output()`].
pub fn sent(k: &mut Kernel, netns: NetnsId, flow: &FlowKey<V4>) -> Result<SentWay, Errno> {
    let generation = k.route_generation;
    if let Some(known) = k.netns[netns].ipv4.sent.find(generation, flow) {
        debug_assert_eq!(
            output(k, netns, flow).map(|r| (r.dst, r.src, r.to)),
            Ok((known.dst, known.src, known.to)),
            "a change of routes was not noticed"
        );
        return Ok(known);
    }
    let route = output(k, netns, flow)?;
    let (src, to, is_fleeting) = (route.src, route.to, route.is_fleeting);
    let way = SentWay { dst: route.dst, src, to, is_fleeting };
    if !way.is_fleeting && route.expires.is_none() && way.dst.kind != RouteType::Multicast {
        k.netns[netns].ipv4.sent.keep(generation, flow, way);
    }
    Ok(way)
}

impl Kernel {
    /// Makes all remembered answers of lookups stale (`rt_cache_flush()`): something that routes depend on
    /// has changed.
    pub fn flush_routes(&mut self) {
        self.route_generation += 1;
    }
}

impl<T: Copy> Memo<T> {
    /// The answer for `flow` that was given in this `generation`.
    #[must_use]
    #[inline]
    pub fn find(&self, generation: u64, flow: &FlowKey<V4>) -> Option<T> {
        if self.generation != generation {
            return None;
        }
        let (kept, answer) = self.places.get(place(flow))?.as_ref()?;
        (kept == flow).then_some(*answer)
    }

    /// Keeps an answer.
    pub fn keep(&mut self, generation: u64, flow: &FlowKey<V4>, answer: T) {
        if self.generation != generation {
            self.places.clear();
            self.generation = generation;
        }
        self.places.resize(PLACES, None);
        self.places[place(flow)] = Some((*flow, answer));
    }
}

/// The place of a flow.
#[inline]
fn place(flow: &FlowKey<V4>) -> usize {
    let ports = u32::from(flow.sport) << 16 | u32::from(flow.dport);
    let [src, dst] = [flow.src, flow.dst].map(Ipv4Addr::to_bits);
    let mixed = (u64::from(src.rotate_left(16) ^ ports) << 32 | u64::from(dst ^ ports))
        .wrapping_mul(0x9e37_79b9_7f4a_7c15);
    usize::try_from(mixed >> 58).unwrap_or_default() % PLACES
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow(last: u8) -> FlowKey<V4> {
        FlowKey::between(Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 0, 1, last))
    }

    #[test]
    fn an_answer_is_remembered_for_the_very_same_question() {
        let mut memo = Memo::default();
        assert_eq!(memo.find(0, &flow(1)), None::<u8>);
        memo.keep(0, &flow(1), 1);
        assert_eq!(memo.find(0, &flow(1)), Some(1));
        assert_eq!(memo.find(0, &FlowKey { mark: 1, ..flow(1) }), None);
    }

    #[test]
    fn no_answer_outlives_its_generation() {
        let mut memo = Memo::default();
        memo.keep(0, &flow(1), 1);
        assert_eq!(memo.find(1, &flow(1)), None);
        memo.keep(1, &flow(2), 2);
        assert_eq!(memo.find(1, &flow(1)), None);
        assert_eq!(memo.find(1, &flow(2)), Some(2));
    }

    #[test]
    fn many_flows_do_not_grow_it() {
        let mut memo = Memo::default();
        for last in 0..=255 {
            memo.keep(0, &flow(last), last);
        }
        assert_eq!(memo.places.len(), PLACES);
        assert_eq!(memo.find(0, &flow(255)), Some(255));
    }
}
