//! `ip address show` and `ip link show`.

use crate::id::IfIndex;
use crate::netlink::message::{AddrMsg, LinkMsg, addr, link};
use crate::netlink::request::LinkRef;
use crate::tools::argv::Args;
use crate::tools::failure::{Failure, Result};
use crate::tools::ip::addr::filter::Filter;
use crate::tools::ip::addr::print as print_addr;
use crate::tools::ip::link::print::{self as print_link, View};
use crate::tools::ip::link::stats_print;
use crate::tools::ip::options::{Family, Options};
use crate::tools::printer::Printer;
use crate::tools::session::Session;

/// Lists devices and, with `ip address`, their addresses (`ipaddr_list_flush_or_save()`).
pub(crate) fn run(
    session: &mut Session<'_>,
    options: &Options,
    args: &mut Args<'_>,
    view: View,
) -> Result<()> {
    let family = if view == View::Link { Family::Packet } else { options.family };
    let filter = Filter::read(args, family, &session.host())?;
    let view = if filter.family == Family::Packet { View::Link } else { view };
    let links = devices(session, &filter)?;
    let addrs = if filter.family == Family::Packet {
        Vec::new()
    } else {
        addr::dump(&session.world.kernel, session.netns)
    };
    let list = Listing { filter, links, addrs, view };
    let mut p = Printer::list(options);
    list.print(&mut p, session, options);
    session.stdout += &p.finish_list();
    Ok(())
}

/// The devices that the kernel tells of.
fn devices(session: &mut Session<'_>, filter: &Filter) -> Result<Vec<LinkMsg>> {
    let master = filter.master.map(|master| master.and_then(|link| index(session, link)));
    let netns = session.netns;
    if let Some((name, link)) = &filter.dev {
        let dev = session.dev(*link).ok_or_else(|| no_device(name))?;
        return Ok(vec![LinkMsg::of(&mut session.world.kernel, dev)]);
    }
    let mut links = link::dump(&mut session.world.kernel, netns);
    links.retain(|msg| filter.is_dumped(msg, master));
    Ok(links)
}

/// What the kernel says to a number that no device has.
fn no_device(_name: &str) -> Failure {
    Failure::exits(
        1,
        "RTNETLINK answers: No such device\nCannot send link get request: No such device\n",
    )
}

fn index(session: &Session<'_>, link: LinkRef) -> Option<IfIndex> {
    session.dev(link).map(|dev| session.world.kernel.devs[dev].ifindex)
}

/// What is to be printed.
struct Listing {
    filter: Filter,
    links: Vec<LinkMsg>,
    addrs: Vec<AddrMsg>,
    view: View,
}

impl Listing {
    fn print(&self, p: &mut Printer, session: &Session<'_>, options: &Options) {
        let here = session.host();
        let with_addrs = self.filter.family != Family::Packet;
        let with_mac =
            matches!(self.filter.family, Family::Unspec | Family::Packet) || options.details > 0;
        let with_links = options.brief || !(with_addrs && options.oneline);
        for msg in self.links.iter().filter(|msg| !with_addrs || self.is_kept(msg)) {
            let fits = self.filter.fits_link(msg);
            // Addresses by label are listed without their devices.
            let shown = fits && with_links && self.filter.label.is_none();
            p.open_object(None);
            if shown && options.brief {
                print_link::brief(p, msg, &here, self.view);
            } else if shown {
                print_link::full(p, msg, &here, self.view, options, with_mac);
            }
            if with_addrs && (fits || !with_links) {
                self.print_addrs(p, msg, session, options);
            }
            if shown && with_addrs && !options.brief && options.stats > 0 {
                stats_print::print(p, msg, options);
                p.new_line();
            }
            p.close_object();
        }
    }

    /// Whether a device has an address that fits, or none at all (`ipaddr_filter()`).
    fn is_kept(&self, msg: &LinkMsg) -> bool {
        let mut own = self.addrs.iter().filter(|addr| addr.index == msg.index).peekable();
        if own.peek().is_none() {
            return self.filter.family == Family::Unspec;
        }
        own.any(|addr| self.filter.fits_addr(addr, None))
    }

    fn print_addrs(
        &self,
        p: &mut Printer,
        msg: &LinkMsg,
        session: &Session<'_>,
        options: &Options,
    ) {
        p.open_array(Some("addr_info"));
        let own = self.addrs.iter().filter(|addr| addr.index == msg.index);
        for addr in own.filter(|addr| self.filter.fits_family(addr)) {
            if self.filter.up && !msg.flags.contains(crate::link::DevFlags::UP) {
                continue;
            }
            p.open_object(None);
            if self.filter.fits_addr(addr, None) {
                print_addr::print(p, addr, &session.host(), options, options.oneline);
            }
            p.close_object();
        }
        p.close_array();
        if options.brief {
            p.text("\n");
        }
    }
}
