//! How announcements are told (`accept_msg()`).

use std::fmt::Write as _;

use crate::id::IfIndex;
use crate::kernel::rtnl::{Change, Holder, LinkNews, NetconfMsg, Notification, ToldAs};
use crate::link::inet::ConfKey;
use crate::netlink::message::{FdbMsg, NeighMsg};
use crate::netlink::request::LinkRef;
use crate::tools::bridge::{fdb_show, link as bridge_link};
use crate::tools::calendar::{self, Moment};
use crate::tools::ip::addr::print as print_addr;
use crate::tools::ip::link::print::{self as print_link, Links, View};
use crate::tools::ip::neigh::print as print_neigh;
use crate::tools::ip::options::Options;
use crate::tools::ip::route::filter::Filter;
use crate::tools::ip::route::print as print_route;
use crate::tools::ip::rule::print as print_rule;
use crate::tools::monitor::{Dialect, Plan};
use crate::tools::printer::Printer;

/// When it is, if that is told (`print_timestamp()`). `bridge` knows only the long form.
pub(super) fn stamp(options: &Options, us: u64, dialect: Dialect) -> String {
    if !options.timestamp {
        return String::new();
    }
    let Moment { year, month, day, weekday, hour, minute, second, micros } = calendar::moment(us);
    if options.timestamp_short && dialect == Dialect::Ip {
        return format!(
            "[{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}] "
        );
    }
    let (weekday, month) = (calendar::WEEKDAYS[weekday], calendar::MONTHS[month - 1]);
    format!(
        "Timestamp: {weekday} {month} {day:>2} {hour:02}:{minute:02}:{second:02} {year} {micros} usec\n"
    )
}

/// An announcement as text.
#[derive(Clone, Debug, Default)]
pub(super) struct Told {
    pub(super) text: String,
    /// Whether more than its label is told: only then the text goes out at once.
    pub(super) whole: bool,
}

/// What is told of an announcement; `None` if this tool does not listen to its like.
pub(super) fn print(
    news: &Notification,
    plan: &Plan,
    options: &Options,
    names: &dyn Links,
) -> Option<Told> {
    let mut text = String::new();
    if plan.all_nsid {
        text += "[nsid current]";
    }
    if plan.label {
        text += label(news);
    }
    let shown = Shown { plan, options, names };
    let whole = shown.fits(subject(news));
    match (news, plan.dialect) {
        // Only their labels are told.
        (_, Dialect::Ip) if !whole => {}
        (Notification::Link(change, link), Dialect::Ip) => shown.link(&mut text, *change, link),
        (Notification::Link(change, link), Dialect::Bridge) => {
            text += deleted(*change);
            text += &bridge_link::announced(link, *change, names, options);
        }
        (Notification::Fdb(change, msg), Dialect::Bridge) => {
            text += deleted(*change);
            text += &printed(options, |p| fdb_show::print(p, msg, names, options, true));
        }
        (_, Dialect::Bridge) => return None,
        (Notification::Fdb(change, msg), Dialect::Ip) => shown.fdb(&mut text, *change, msg),
        (Notification::Addr(change, msg), Dialect::Ip) => {
            text += deleted(*change);
            text += &printed(options, |p| print_addr::print(p, msg, names, options, true));
        }
        (Notification::Route(change, msg), Dialect::Ip) => {
            text += deleted(*change);
            let filter = Filter { oif: plan.dev.map(LinkRef::Index), ..Filter::any() };
            text += &printed(options, |p| print_route::print(p, msg, names, options, &filter));
        }
        (Notification::Rule(change, msg), Dialect::Ip) => {
            text += deleted(*change);
            text += &printed(options, |p| print_rule::print(p, msg, options));
        }
        (Notification::Neigh(change, msg), Dialect::Ip) => shown.neigh(&mut text, *change, msg),
        (Notification::Netconf(change, msg), Dialect::Ip) => {
            shown.netconf(&mut text, *change, msg);
        }
        (Notification::Nsid(change, nsid), Dialect::Ip) => {
            text += deleted(*change);
            write!(text, "nsid {nsid} ").expect("a string takes everything");
            if let Some(name) = names.netns_name(*nsid) {
                write!(text, "(iproute2 netns name: {name})").expect("a string takes everything");
            }
            text.push('\n');
        }
    }
    Some(Told { text, whole })
}

/// What an announcement is about, for who asks about one device.
enum Subject {
    /// It is told whatever is asked for.
    Any,
    /// A device, if it is one.
    Device(Option<IfIndex>),
}

fn subject(news: &Notification) -> Subject {
    Subject::Device(match news {
        Notification::Link(_, link) => Some(link.msg.index),
        Notification::Addr(_, msg) => Some(msg.index),
        Notification::Route(_, msg) => msg.hop.dev,
        Notification::Neigh(_, msg) => msg.index,
        Notification::Fdb(_, msg) => Some(msg.index),
        Notification::Netconf(_, NetconfMsg { holder: Holder::Dev(index), .. }) => Some(*index),
        Notification::Netconf(..) => None,
        Notification::Rule(..) | Notification::Nsid(..) => return Subject::Any,
    })
}

fn label(news: &Notification) -> &'static str {
    match news {
        Notification::Link(..) => "[LINK]",
        Notification::Addr(..) => "[ADDR]",
        Notification::Route(..) => "[ROUTE]",
        Notification::Rule(..) => "[RULE]",
        Notification::Neigh(..) | Notification::Fdb(..) => "[NEIGH]",
        Notification::Netconf(..) => "[NETCONF]",
        Notification::Nsid(..) => "[NSID]",
    }
}

fn deleted(change: Change) -> &'static str {
    match change {
        Change::New => "",
        Change::Deleted => "Deleted ",
    }
}

fn printed(options: &Options, print: impl FnOnce(&mut Printer)) -> String {
    let mut p = Printer::single(options);
    print(&mut p);
    p.finish()
}

/// What an announcement is told with.
struct Shown<'a> {
    plan: &'a Plan,
    options: &'a Options,
    names: &'a dyn Links,
}

impl Shown<'_> {
    /// Whether it is about the device that is asked for.
    fn fits(&self, subject: Subject) -> bool {
        match (self.plan.dev, subject) {
            (None, _) | (_, Subject::Any) => true,
            (Some(dev), Subject::Device(index)) => index == Some(dev),
        }
    }

    fn link(&self, text: &mut String, change: Change, link: &LinkNews) {
        *text += deleted(change);
        *text += &printed(self.options, |p| match (link.told, self.options.brief) {
            (ToldAs::Port, _) => print_link::port(p, &link.msg, self.names),
            (_, true) => print_link::brief(p, &link.msg, self.names, View::Monitor),
            (_, false) => print_link::news(p, link, self.names, self.options),
        });
    }

    fn neigh(&self, text: &mut String, change: Change, msg: &NeighMsg) {
        *text += deleted(change);
        let with_device = self.plan.dev.is_none();
        *text += &printed(self.options, |p| {
            print_neigh::print(p, msg, self.names, self.options, with_device);
        });
    }

    /// `ip` takes a bridge's entry for a neighbour without an address.
    fn fdb(&self, text: &mut String, change: Change, msg: &FdbMsg) {
        *text += deleted(change);
        let with_device = self.plan.dev.is_none();
        *text += &printed(self.options, |p| {
            print_neigh::station(p, msg, self.names, with_device);
        });
    }

    fn netconf(&self, text: &mut String, change: Change, msg: &NetconfMsg) {
        let holder = match msg.holder {
            Holder::All => "all".to_owned(),
            Holder::Default => "default".to_owned(),
            Holder::Dev(index) => self.names.link_name(index),
        };
        *text += deleted(change);
        write!(text, "inet {holder} ").expect("a string takes everything");
        for (key, value) in &msg.values {
            let (name, value) = setting(*key, *value);
            write!(text, "{name} {value} ").expect("a string takes everything");
        }
        text.push('\n');
    }
}

/// A setting in iproute2's words (`print_netconf()`).
fn setting(key: ConfKey, value: i32) -> (&'static str, &'static str) {
    let on_off = if value == 0 { "off" } else { "on" };
    match (key.name(), value) {
        ("rp_filter", 0) => ("rp_filter", "off"),
        ("rp_filter", 1) => ("rp_filter", "strict"),
        ("rp_filter", 2) => ("rp_filter", "loose"),
        ("rp_filter", _) => ("rp_filter", "unknown mode"),
        ("proxy_arp", _) => ("proxy_neigh", on_off),
        (name, _) => (name, on_off),
    }
}
