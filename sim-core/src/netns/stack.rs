//! The order of the layers: the one place that says what comes after what.
//!
//! [`step`] moves a flight by one [`Place`]. Each layer decides about the packet and knows nothing of
//! its neighbours; what follows a decision is written here and nowhere else.

use crate::ip::output::Pieces;
use crate::ip::reassembly::{Datagram, User};
use crate::kernel::run::Step;
use crate::kernel::{Flight, Kernel, Place, Timer};
use crate::neigh::output::Resolution;
use crate::netfilter::{Hook, HookState, bridged};
use crate::socket::tcp;
use crate::trace::{DropReason, Event, Moment, Observer, Origin};
use crate::{bridge, ip, link, neigh, netfilter, route, tunnel};

/// What a layer has decided: something, or that the packet ends here.
pub type Decision<T> = Result<T, DropReason>;

/// Moves `flight` on by one place. Inlined into the loop that calls it: it runs some twenty times a packet, and a
/// call costs as much as many a place.
#[inline(always)]
pub fn step<O: Observer>(k: &mut Kernel, flight: &mut Flight, o: &mut O) -> Step {
    emit(k, flight, o, |f| Event::Arrived { place: f.place, skb: &f.skb });
    let left = flight.place;
    match next(k, flight, o) {
        Ok(Some(place)) => {
            flight.place = place;
            match (left, place) {
                (
                    Place::Transmit | Place::NetemDequeue | Place::TunnelTransmit,
                    Place::DeviceReceive,
                ) => Step::Received,
                _ => Step::Continue,
            }
        }
        Ok(None) => Step::Done,
        Err(reason) => {
            emit(k, flight, o, |_| Event::Dropped { reason });
            Step::Done
        }
    }
}

/// Where the flight goes from its place; `None` if it was delivered, stored or handed over.
#[inline(always)]
fn next<O: Observer>(k: &mut Kernel, f: &mut Flight, o: &mut O) -> Decision<Option<Place>> {
    Ok(match f.place {
        Place::DeviceReceive => {
            let taker = link::receive::receive(k, f, o)?;
            taken_by(k, f, taker, o)?
        }
        Place::BridgeReceive
        | Place::BridgePreRouting
        | Place::BridgeInput
        | Place::BridgeDeviceTransmit
        | Place::BridgeForward { .. }
        | Place::BridgePostRouting { .. }
        | Place::BridgeTransmit
        | Place::BridgeLocal { .. } => bridged(k, f, o)?,
        Place::ArpReceive => {
            neigh::arp::receive(k, f, o)?;
            None
        }
        Place::IpReceive => {
            ip::input::receive(k, f)?;
            Some(Place::Hook(Hook::PreRouting))
        }
        Place::Hook(hook) => pass(k, f, hook, o)?,
        Place::LoopBack => {
            ip::output::loop_back(k, f);
            None
        }
        Place::RouteInput => Some(routed(ip::input::route(k, f, o)?)),
        Place::LocalDeliver => {
            let whole = ip::input::defragment(k, f)? == Datagram::Whole;
            whole.then_some(Place::Hook(Hook::Input))
        }
        Place::Socket => {
            super::deliver::deliver(k, f, o)?;
            None
        }
        Place::Forward => {
            ip::forward::forward(k, f, o)?;
            Some(Place::Hook(Hook::Forward))
        }
        Place::ForwardFinish => {
            ip::forward::finish(k, f);
            Some(Place::Output)
        }
        Place::LocalOut => {
            ip::output::local_out(k, f);
            Some(Place::Hook(Hook::Output))
        }
        Place::Output => {
            ip::output::output(k, f)?;
            Some(Place::Hook(Hook::PostRouting))
        }
        Place::IpFinish => {
            (ip::output::finish(k, f, o)? == Pieces::One).then_some(Place::Neighbour)
        }
        Place::Neighbour => {
            let resolution = neigh::output::resolve(k, f, o)?;
            bridged::restore_source(f);
            (resolution == Resolution::Filled).then_some(Place::Transmit)
        }
        Place::Transmit => link::transmit::transmit(k, f, o)?,
        Place::NetemEnqueue => {
            link::qdisc::enqueue(k, f, o)?;
            None
        }
        Place::NetemDequeue => link::transmit::hard_start_xmit(k, f, o)?,
        Place::TunnelTransmit => tunnel::transmit(k, f, o)?,
        Place::LinkFailure => return Err(ip::icmp::failure::link_failure(k, f, o)),
    })
}

/// Where a flight goes from its place in a bridge.
fn bridged<O: Observer>(k: &mut Kernel, f: &mut Flight, o: &mut O) -> Decision<Option<Place>> {
    Ok(match f.place {
        Place::BridgeReceive => bridge_receive(k, f, o)?,
        Place::BridgePreRouting => bridged::pre_routing(k, f, o)?,
        Place::BridgeInput => bridge::input::finish(k, f, o)?,
        Place::BridgeDeviceTransmit => {
            if bridged::resume(f) {
                Some(Place::BridgeInput)
            } else {
                bridge::local::transmit(k, f, o)?
            }
        }
        Place::BridgeForward { from } => match bridged::forward(k, f, from, o)? {
            netfilter::Verdict::Stolen => None,
            netfilter::Verdict::Accept => Some(Place::BridgePostRouting { from }),
        },
        Place::BridgePostRouting { .. } => match bridged::post_routing(k, f, o)? {
            netfilter::Verdict::Stolen => None,
            netfilter::Verdict::Accept => Some(Place::BridgeTransmit),
        },
        Place::BridgeTransmit => {
            bridge::forward::transmit(k, f)?;
            Some(Place::Transmit)
        }
        Place::BridgeLocal { uptake } => {
            bridged::local_in(k, f, uptake)?;
            bridge::local::pass_up(k, f);
            Some(Place::DeviceReceive)
        }
        // No other place is in a bridge.
        Place::DeviceReceive
        | Place::ArpReceive
        | Place::IpReceive
        | Place::Hook(_)
        | Place::RouteInput
        | Place::LocalDeliver
        | Place::Socket
        | Place::Forward
        | Place::ForwardFinish
        | Place::LocalOut
        | Place::Output
        | Place::IpFinish
        | Place::Neighbour
        | Place::Transmit
        | Place::NetemEnqueue
        | Place::NetemDequeue
        | Place::LoopBack
        | Place::LinkFailure
        | Place::TunnelTransmit => None,
    })
}

/// Where a frame goes that a bridge port has received: some are for the port itself.
fn bridge_receive<O: Observer>(
    k: &mut Kernel,
    f: &mut Flight,
    o: &mut O,
) -> Decision<Option<Place>> {
    match bridge::input::receive(k, f)? {
        bridge::input::Entry::Bridge => Ok(Some(Place::BridgePreRouting)),
        bridge::input::Entry::Port => {
            let taker = link::receive::to_protocol(k, f, o)?;
            taken_by(k, f, taker, o)
        }
    }
}

/// Where a received frame goes; `None` if it has arrived.
fn taken_by<O: Observer>(
    k: &mut Kernel,
    f: &mut Flight,
    taker: link::receive::Taker,
    o: &mut O,
) -> Decision<Option<Place>> {
    use link::receive::Taker;
    Ok(match taker {
        Taker::Bridge => Some(Place::BridgeReceive),
        Taker::Again => Some(Place::DeviceReceive),
        Taker::Macvlans => match ip::reassembly::defragment(k, f, User::Macvlan)? {
            Datagram::Whole => {
                let taker = link::receive::reassembled(k, f, o)?;
                taken_by(k, f, taker, o)?
            }
            Datagram::Waiting => None,
        },
        Taker::Arp => Some(Place::ArpReceive),
        Taker::Ip => Some(Place::IpReceive),
        Taker::PacketSocket => None,
    })
}

/// Where a received packet goes once its route is known.
fn routed(way: ip::input::Way) -> Place {
    match way {
        ip::input::Way::Local => Place::LocalDeliver,
        ip::input::Way::Forward => Place::Forward,
    }
}

/// Passes the packet through a hook of IP.
fn pass<O: Observer>(
    k: &mut Kernel,
    f: &mut Flight,
    hook: Hook,
    o: &mut O,
) -> Decision<Option<Place>> {
    if hook == Hook::PreRouting && bridged::has_passed(f) {
        return Ok(Some(after(hook)));
    }
    // Most namespaces have nothing at their hooks.
    let verdict = if k.netns[f.netns].nf.hooks.at(hook).is_empty() {
        f.hook_done = 0;
        netfilter::Verdict::Accept
    } else {
        netfilter::run(k, f, hook_state(f, hook), o)?
    };
    Ok(match verdict {
        netfilter::Verdict::Stolen => None,
        netfilter::Verdict::Accept if f.cb.loop_back => Some(Place::LoopBack),
        netfilter::Verdict::Accept => Some(after(hook)),
    })
}

/// The devices that a hook is shown (`struct nf_hook_state`).
fn hook_state(f: &Flight, hook: Hook) -> HookState {
    let leaving = f.dst.map(|dst| dst.dev);
    let (iif, oif) = match hook {
        Hook::PreRouting | Hook::Input => (Some(f.dev), None),
        Hook::Forward => (Some(f.dev), leaving),
        Hook::Output => (None, leaving),
        Hook::PostRouting => (if f.cb.forwarded { f.iif } else { None }, Some(f.dev)),
    };
    HookState { hook, iif, oif }
}

/// What follows when the hook's last function has accepted the packet.
fn after(hook: Hook) -> Place {
    match hook {
        Hook::PreRouting => Place::RouteInput,
        Hook::Input => Place::Socket,
        Hook::Forward => Place::ForwardFinish,
        Hook::Output => Place::Output,
        Hook::PostRouting => Place::IpFinish,
    }
}

/// Does what `timer` is for; what it sends is left for [`Kernel::run_pending`].
pub fn expire<O: Observer>(k: &mut Kernel, timer: &Timer, o: &mut O) {
    k.flush_routes();
    match timer {
        // The world runs programs; it does not pass their timers on.
        Timer::Program(_) => {}
        Timer::AddrLifetime(dev) => {
            route::ifaddr::check_lifetime(k, *dev);
            neigh::addr_removed(k, *dev, o);
            netfilter::nat::masquerade::addr_removed(k, *dev);
        }
        Timer::Neigh { dev, addr } => neigh::expire(k, *dev, *addr, o),
        Timer::NeighGc(netns) => neigh::collect(k, *netns, o),
        Timer::Reassembly { netns, key } => {
            if let Some(expired) = ip::reassembly::expire(k, *netns, *key) {
                ip::icmp::failure::reassembly_timeout(k, *netns, expired, o);
            }
        }
        Timer::IgmpGroup { dev, group } => ip::igmp::group_due(k, *dev, *group, o),
        Timer::IgmpChange(dev) => ip::igmp::change_due(k, *dev, o),
        Timer::IgmpGeneral(dev) => ip::igmp::general_due(k, *dev, o),
        Timer::ConntrackGc(netns) => netfilter::conntrack::garbage::run(k, *netns),
        Timer::ArpProxy(netns) => neigh::arp::answer_for_others(k, *netns, o),
        Timer::BridgeGc(bridge) => bridge::gc::run(k, *bridge),
        Timer::BridgeMcast(bridge, what) => bridge::multicast::expire(k, *bridge, *what, o),
        Timer::Qdisc(dev) => link::qdisc::watchdog(k, *dev),
        Timer::VxlanGc(dev) => link::vxlan::device::collect(k, *dev),
        Timer::Tcp(socket, what) => tcp::expire(k, *socket, *what, o),
        Timer::TcpRequest(netns, tuple) => tcp::expire_request(k, *netns, *tuple, o),
        Timer::TcpTimeWait(socket) => tcp::expire_time_wait(k, *socket),
    }
}

/// Starts `flight`, as [`Kernel::spawn`] does, and tells why it exists.
pub fn start<O: Observer>(k: &mut Kernel, flight: Flight, origin: Origin, o: &mut O) {
    emit(k, &flight, o, |_| Event::Started { origin });
    k.spawn(flight);
}

/// Tells the observer, if there is one, what `event` makes of the flight.
pub fn emit<'f, O: Observer>(
    k: &Kernel,
    flight: &'f Flight,
    o: &mut O,
    event: impl FnOnce(&'f Flight) -> Event<'f>,
) {
    if O::ENABLED {
        let moment =
            Moment { time: k.now, netns: flight.netns, dev: flight.dev, flow: flight.flow };
        o.observe(k, moment, event(flight));
    }
}
