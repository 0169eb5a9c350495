//! `ip address flush`.

use std::net::IpAddr;

use crate::errno::Errno;
use crate::id::IfIndex;
use crate::netlink::Request;
use crate::netlink::message::{AddrMsg, addr};
use crate::netlink::request::{AddrSpec, LinkRef};
use crate::tools::argv::Args;
use crate::tools::failure::{Failure, Result};
use crate::tools::ip::addr::filter::Filter;
use crate::tools::ip::addr::print;
use crate::tools::ip::options::{Family, Options};
use crate::tools::printer::Printer;
use crate::tools::session::Session;

/// Removes all addresses that fit, again and again until none is left (`ipaddr_flush()`).
pub(crate) fn run(session: &mut Session<'_>, options: &Options, args: &mut Args<'_>) -> Result<()> {
    if args.peek().is_none() {
        return Err(Failure::returns(1, "Flush requires arguments.\n"));
    }
    if options.family == Family::Packet {
        return Err(Failure::returns(1, "Cannot flush link addresses.\n"));
    }
    let filter = Filter::read(args, options.family, &session.host())?;
    let mut round = 0;
    while options.flush_loops == 0 || round < options.flush_loops {
        let found = fitting(session, &filter);
        if found.is_empty() {
            done(session, options, round);
            return Ok(());
        }
        round += 1;
        if options.stats > 1 {
            show(session, options, &found);
        }
        for addr in &found {
            remove(session, addr)?;
        }
        if options.stats > 0 {
            let count = found.len();
            session.out(format_args!("\n*** Round {round}, deleting {count} addresses ***\n"));
        }
        // Removing a primary address may make a secondary one primary; that one was not meant.
        if filter.primaries_only() {
            done(session, options, round);
            return Ok(());
        }
    }
    let text = format!("*** Flush remains incomplete after {round} rounds. ***\n");
    Err(Failure::returns(255, text))
}

fn fitting(session: &Session<'_>, filter: &Filter) -> Vec<AddrMsg> {
    let index = filter.dev.as_ref().map(|(_, link)| match link {
        LinkRef::Index(index) => *index,
        LinkRef::Name(_) => {
            let dev = session.dev(*link);
            dev.map_or(IfIndex(0), |dev| session.world.kernel.devs[dev].ifindex)
        }
    });
    let mut addrs = addr::dump(&session.world.kernel, session.netns);
    addrs.retain(|addr| filter.fits_addr(addr, index));
    addrs
}

fn show(session: &mut Session<'_>, options: &Options, addrs: &[AddrMsg]) {
    let mut p = Printer::single(&Options { json: false, ..options.clone() });
    for addr in addrs {
        print::print(&mut p, addr, &session.host(), options, true);
    }
    session.stdout += &p.finish();
}

/// Removes an address, unless it went with another one.
fn remove(session: &mut Session<'_>, msg: &AddrMsg) -> Result<()> {
    let peer: Option<IpAddr> = Some(msg.address).filter(|address| *address != msg.local);
    let spec = AddrSpec {
        dev: LinkRef::Index(msg.index),
        local: msg.local,
        peer,
        prefix_len: msg.prefix_len,
        any_prefix: false,
        broadcast: None,
        label: Some(msg.label),
        scope: None,
        metric: None,
        no_prefix_route: false,
        autojoin: false,
        valid_lft_s: None,
        preferred_lft_s: None,
        proto: 0,
    };
    match session.ask(&Request::AddrDel(spec)) {
        Ok(()) => Ok(()),
        Err(error) if error.errno == Errno::EADDRNOTAVAIL => Ok(()),
        Err(error) => {
            let text = format!("Failed to send flush request: {}\n", error.errno);
            Err(Failure::returns(255, text))
        }
    }
}

fn done(session: &mut Session<'_>, options: &Options, round: i32) {
    if options.stats == 0 {
        return;
    }
    match round {
        0 => session.out(format_args!("Nothing to flush.\n")),
        1 => session.out(format_args!("*** Flush is complete after 1 round ***\n")),
        _ => session.out(format_args!("*** Flush is complete after {round} rounds ***\n")),
    }
}
