//! `ip maddress`: the groups that devices listen to, and addresses that an administrator adds to them.

use std::net::Ipv4Addr;

use crate::id::IfIndex;
use crate::link::filter::ALL_NODES;
use crate::link::{DevName, NetDevice};
use crate::netlink::request::LinkRef;
use crate::netlink::{NetlinkError, Request};
use crate::packet::MacAddr;
use crate::tools::argv::{Args, Keyword, abbr, abbreviates, keyword};
use crate::tools::failure::{Failure, Result};
use crate::tools::inet;
use crate::tools::ip::options::{Family, Options};
use crate::tools::ip::{unknown_command, usage};
use crate::tools::printer::{Paint, Printer};
use crate::tools::session::Session;

#[derive(Clone, Copy)]
enum Verb {
    Add,
    Delete,
    Show,
    Help,
}

const VERBS: &[Keyword<Verb>] = &[
    abbr("add", Verb::Add),
    abbr("delete", Verb::Delete),
    abbr("list", Verb::Show),
    abbr("show", Verb::Show),
    abbr("lst", Verb::Show),
    abbr("help", Verb::Help),
];

/// Runs `ip maddress` with the words behind it.
pub(crate) fn run(session: &mut Session<'_>, options: &Options, args: &mut Args<'_>) -> Result<()> {
    let Some(word) = args.next() else { return show(session, options, args) };
    match keyword(VERBS, word) {
        Some(Verb::Add) => change(session, args, true),
        Some(Verb::Delete) => change(session, args, false),
        Some(Verb::Show) => show(session, options, args),
        Some(Verb::Help) => Err(usage::maddr()),
        None => Err(unknown_command(word, "maddr")),
    }
}

/// Adds an address or takes it away (`multiaddr_modify()`).
fn change(session: &mut Session<'_>, args: &mut Args<'_>, add: bool) -> Result<()> {
    let (mut dev, mut addr) = (None, None);
    while let Some(mut word) = args.next() {
        if word == "dev" {
            let name = args.value()?;
            if dev.is_some() {
                return Err(Failure::duplicate("dev", name));
            }
            let why = "\"dev\" not a valid ifname";
            dev = Some(name.parse::<DevName>().map_err(|_| Failure::invalid(why, name))?);
            continue;
        }
        if abbreviates(word, "address") {
            word = args.value()?;
        }
        if abbreviates(word, "help") {
            return Err(usage::maddr());
        }
        if addr.is_some_and(|MacAddr([first, ..])| first != 0) {
            return Err(Failure::duplicate("address", word));
        }
        addr = Some(lladdr(word)?);
    }
    let missing = "Not enough information: \"dev\" is required.\n";
    let dev = LinkRef::Name(dev.ok_or_else(|| Failure::exits(255, missing))?);
    let addr = addr.unwrap_or(MacAddr::ZERO);
    let request =
        if add { Request::MulticastAdd(dev, addr) } else { Request::MulticastDel(dev, addr) };
    session
        .ask(&request)
        .map_err(|NetlinkError { errno, .. }| Failure::returns(1, format!("ioctl: {errno}\n")))
}

fn lladdr(text: &str) -> Result<MacAddr> {
    let bytes = inet::lladdr(text, 14)?;
    let len = bytes.len();
    let wrong =
        || Failure::returns(1, format!("Error: Invalid address length {len} - must be 6 bytes\n"));
    Ok(MacAddr(bytes.try_into().map_err(|_| wrong())?))
}

/// Lists them (`multiaddr_list()`). Whatever is no device's name is one that is not there.
fn show(session: &mut Session<'_>, options: &Options, args: &mut Args<'_>) -> Result<()> {
    let mut only = None;
    while let Some(mut word) = args.next() {
        if word == "dev" {
            word = args.value()?;
        } else if abbreviates(word, "help") {
            return Err(usage::maddr());
        }
        if only.is_some() {
            return Err(Failure::garbage("dev", word));
        }
        only = Some(word);
    }
    let mut p = Printer::list(options);
    let kernel = &session.world.kernel;
    let oneline = options.oneline;
    let wanted = |family| options.family == Family::Unspec || options.family == family;
    for (index, dev) in &kernel.netns[session.netns].links {
        let device = &kernel.devs[*dev];
        if only.is_some_and(|only| only != device.name.as_str()) {
            continue;
        }
        let mut list = List { p: &mut p, index: *index, device, begun: false, oneline };
        if wanted(Family::Packet) {
            list.links();
        }
        if wanted(Family::Inet) {
            for group in &device.inet.groups {
                list.inet(group.addr, group.users);
            }
        }
        if wanted(Family::Inet6) {
            let snoops = crate::bridge::snoops(kernel, *dev);
            list.inet6(snoops && device.is_up());
        }
        list.finish();
    }
    session.stdout += &p.finish_list();
    Ok(())
}

/// The groups of one device; nothing is printed of one that has none.
struct List<'a> {
    p: &'a mut Printer,
    index: IfIndex,
    device: &'a NetDevice,
    begun: bool,
    oneline: bool,
}

impl List<'_> {
    /// Begins an entry, and before the first one the device. Of entries that have a line each, all name
    /// it.
    fn begin(&mut self) {
        let (index, name) = (self.index, self.device.name);
        let begun = std::mem::replace(&mut self.begun, true);
        if !begun {
            self.p.open_object(None);
            self.p.json("ifindex", index.0);
            self.p.json("ifname", name.as_str());
            self.p.open_array(Some("maddr"));
        }
        if begun && self.oneline {
            self.p.text("\n");
        }
        if !begun || self.oneline {
            self.p.fmt(format_args!("{index}:"));
            self.p.paint(Paint::Device, format_args!("\t{name}"));
        }
        self.p.new_line();
        self.p.open_object(None);
    }

    fn finish(self) {
        if self.begun {
            self.p.close_array();
            self.p.close_object();
            self.p.text("\n");
        }
    }

    fn links(&mut self) {
        if self.device.listens_to_all_nodes() {
            self.link(ALL_NODES, 1, false);
        }
        let device = self.device;
        for mc in device.mc_list() {
            self.link(mc.addr, mc.users, mc.by_hand);
        }
    }

    fn link(&mut self, addr: MacAddr, users: u32, by_hand: bool) {
        self.begin();
        let addr = addr.to_string();
        self.p.text("\tlink  ");
        self.p.painted(Paint::Mac, "link", addr.as_str(), format_args!("{addr}"));
        self.users(users);
        if by_hand {
            self.p.any("features", "static", format_args!(" static"));
        }
        self.p.close_object();
    }

    fn inet(&mut self, addr: Ipv4Addr, users: u32) {
        self.begin();
        let addr = addr.to_string();
        self.p.any("family", "inet", format_args!("\tinet  "));
        self.p.painted(Paint::Inet, "address", addr.as_str(), format_args!("{addr}"));
        self.users(users);
        self.p.close_object();
    }

    /// The groups that every device with IPv6 is in, and before them that of all snoopers.
    fn inet6(&mut self, snooper: bool) {
        if !self.device.has_ipv6() {
            return;
        }
        let snooper = snooper.then_some("ff02::6a");
        for addr in snooper.into_iter().chain(["ff02::1", "ff01::1"]) {
            self.begin();
            self.p.any("family", "inet6", format_args!("\tinet6 "));
            self.p.painted(Paint::Inet6, "address", addr, format_args!("{addr}"));
            self.p.close_object();
        }
    }

    fn users(&mut self, users: u32) {
        if users > 1 {
            self.p.any("users", users, format_args!(" users {users}"));
        }
    }
}
