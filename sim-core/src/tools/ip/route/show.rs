//! `ip route show` and `ip route flush`.

use crate::id::IfIndex;
use crate::netlink::message::{RouteMsg, route};
use crate::netlink::request::{LinkRef, NextHopSpec, RouteSpec};
use crate::netlink::{NetlinkError, Request};
use crate::tools::argv::Args;
use crate::tools::failure::{self, Failure, Result};
use crate::tools::ip::options::{Family, Options};
use crate::tools::ip::route::filter::Filter;
use crate::tools::ip::route::print;
use crate::tools::printer::Printer;
use crate::tools::session::Session;

/// Lists routes (`iproute_list_flush_or_save()`).
pub(crate) fn show(
    session: &mut Session<'_>,
    options: &Options,
    args: &mut Args<'_>,
) -> Result<()> {
    let filter = Filter::read(args, options, &session.host())?;
    let routes = fitting(session, options, &filter).map_err(|error| terminated(options, &error))?;
    let mut p = Printer::list(options);
    for msg in &routes {
        print::print(&mut p, msg, &session.host(), options, &filter);
    }
    session.stdout += &p.finish_list();
    Ok(())
}

/// The list has begun when the kernel refuses.
fn terminated(options: &Options, error: &NetlinkError) -> Failure {
    let mut failure = Failure::returns(2, failure::answer(error) + "Dump terminated\n");
    if options.json {
        "[".clone_into(&mut failure.stdout);
    }
    failure
}

fn fitting(
    session: &Session<'_>,
    options: &Options,
    filter: &Filter,
) -> std::result::Result<Vec<RouteMsg>, NetlinkError> {
    // There are no IPv6 routes, and no bridge or link has any.
    if !matches!(options.family, Family::Unspec | Family::Inet) {
        return Ok(Vec::new());
    }
    let kernel = &session.world.kernel;
    let index = |link| session.dev(link).map_or(IfIndex(0), |dev| kernel.devs[dev].ifindex);
    let oif = filter.oif.map(index);
    let mut routes = route::dump(kernel, session.netns, filter.table)?;
    routes.retain(|msg| filter.fits(msg, oif));
    Ok(routes)
}

/// Removes all routes that fit, until none is left (`iproute_flush()`).
pub(crate) fn flush(
    session: &mut Session<'_>,
    options: &Options,
    args: &mut Args<'_>,
) -> Result<()> {
    if args.peek().is_none() {
        return Err(Failure::returns(1, "\"ip route flush\" requires arguments.\n"));
    }
    let filter = Filter::read(args, options, &session.host())?;
    if filter.cached {
        // What ICMP has taught is all the cache there is (`iproute_flush_cache()`).
        let (name, value) = ("net.ipv4.route.flush".to_owned(), "-1".to_owned());
        session.ask(&Request::SysctlSet { name, value }).map_err(|error| {
            Failure::returns(2, format!("Cannot flush routing cache: {}\n", error.errno))
        })?;
        if options.stats > 0 {
            session.out(format_args!("*** IPv4 routing cache is flushed.\n"));
        }
        return Ok(());
    }
    for round in 0_u32.. {
        let found = fitting(session, options, &filter)
            .map_err(|error| Failure::returns(2, failure::answer(&error) + "Flush terminated\n"))?;
        if found.is_empty() {
            complete(session, options, round);
            break;
        }
        if options.stats > 1 {
            let mut p = Printer::single(&Options { json: false, ..options.clone() });
            for msg in &found {
                print::print(&mut p, msg, &session.host(), options, &filter);
            }
            session.stdout += &p.finish();
        }
        for msg in &found {
            session.ask(&Request::RouteDel(deletion(msg))).map_err(|error| {
                Failure::returns(2, format!("Failed to send flush request: {}\n", error.errno))
            })?;
        }
        if options.stats > 0 {
            let (round, count) = (round + 1, found.len());
            session.out(format_args!("\n*** Round {round}, deleting {count} entries ***\n"));
        }
    }
    Ok(())
}

fn complete(session: &mut Session<'_>, options: &Options, rounds: u32) {
    if options.stats == 0 {
        return;
    }
    match rounds {
        0 => session.out(format_args!("Nothing to flush.\n")),
        1 => session.out(format_args!("*** Flush is complete after 1 round ***\n")),
        _ => session.out(format_args!("*** Flush is complete after {rounds} rounds ***\n")),
    }
}

/// The request that removes just this route: the message sent back.
fn deletion(msg: &RouteMsg) -> RouteSpec {
    let hop = |hop: &route::HopMsg| NextHopSpec {
        gateway: hop.gateway,
        dev: hop.dev.map(LinkRef::Index),
        weight: hop.weight,
        onlink: hop.onlink,
    };
    let mut next_hops: Vec<NextHopSpec> = msg.hops.iter().map(hop).collect();
    if next_hops.is_empty() && msg.hop.dev.is_some() {
        next_hops.push(NextHopSpec { weight: 0, ..hop(&msg.hop) });
    }
    RouteSpec {
        dst: msg.dst,
        kind: Some(msg.kind),
        table: Some(msg.table),
        tos: msg.tos,
        metric: msg.metric,
        protocol: Some(msg.protocol),
        scope: Some(msg.scope),
        prefsrc: msg.prefsrc,
        next_hops,
        mtu: msg.metrics.mtu.map(|mtu| (mtu, msg.metrics.mtu_locked)),
        advmss: msg.metrics.advmss,
        initcwnd: msg.metrics.initcwnd,
        hoplimit: msg.metrics.hoplimit,
    }
}
