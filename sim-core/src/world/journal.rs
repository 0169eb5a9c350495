//! The journal: every change of the configuration, as the command that makes it.
//!
//! A world that keeps one can be rebuilt on a real machine: the changes that succeeded, in order, are a
//! shell script.

use std::fmt::Write as _;

use crate::id::{DevId, NetnsId};
use crate::kernel::Kernel;
use crate::link::DevKind;
use crate::netlink::command::{Command, Names, NoCommand, Word};
use crate::netlink::link;
use crate::netlink::request::{
    LinkAdd, LinkChange, LinkKind, LinkRef, QdiscSpec, Request, VxlanChange,
};
use crate::netlink::{NetlinkError, command};
use crate::world::World;

/// A change that was asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Where.
    pub netns: NetnsId,
    /// The request; `None` if a name was given to a namespace, or taken away.
    pub request: Option<Request>,
    /// The command that asks for the same in the initial namespace.
    pub command: Result<Command, NoCommand>,
    /// The command that does the same on a machine whose numbers and random addresses are others.
    pub exact: Result<Command, NoCommand>,
    /// What the kernel answered.
    pub answer: Result<(), NetlinkError>,
}

impl Names for World {
    fn netns(&self, id: NetnsId) -> Option<Word> {
        if id == self.initial_netns() {
            return Some(Word::Initial);
        }
        self.netns_name(id).map(|name| Word::Text(name.to_owned()))
    }
}

impl World {
    /// Starts to keep a journal.
    pub fn keep_journal(&mut self) {
        self.journal.get_or_insert_default();
    }

    /// Takes what was asked for since the last time.
    pub fn take_journal(&mut self) -> Vec<Entry> {
        self.journal.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Makes a change with [`make`](World::make), and notes it.
    pub(crate) fn make_and_note(
        &mut self,
        netns: NetnsId,
        request: &Request,
    ) -> Result<(), NetlinkError> {
        let command = self.placed(netns, request.command(self));
        let mut named = request.clone();
        for link in links(&mut named) {
            *link = by_name(&self.kernel, netns, *link);
        }
        let place = self.placed(netns, Ok(Command::default()));
        let answer = self.make(netns, request);
        let exact = match (&mut named, place) {
            (_, Err(error)) => Err(error),
            (Request::LinkAdd(add) | Request::LinkReplace(add), Ok(_)) if answer.is_ok() => {
                pin(&self.kernel, netns, add);
                self.placed(netns, named.command(self))
            }
            (Request::QdiscSet(spec, _), Ok(_)) if answer.is_ok() => {
                pin_handle(&self.kernel, netns, spec);
                self.placed(netns, named.command(self))
            }
            (_, Ok(_)) => self.placed(netns, named.command(self)),
        };
        let request = Some(request.clone());
        self.note(Entry { netns, request, command, exact, answer: answer.clone() });
        answer
    }

    /// Notes that a name was given or taken away, if a journal is kept.
    pub(super) fn note_names(&mut self, words: &[&str], pid: Option<Word>) {
        if self.journal.is_some() {
            let command = Ok(Command::of(words, pid));
            let (netns, exact) = (self.initial_netns(), command.clone());
            self.note(Entry { netns, request: None, command, exact, answer: Ok(()) });
        }
    }

    fn note(&mut self, entry: Entry) {
        self.journal.get_or_insert_default().push(entry);
    }

    /// The command as one that is made in the initial namespace.
    fn placed(
        &self,
        netns: NetnsId,
        command: Result<Command, NoCommand>,
    ) -> Result<Command, NoCommand> {
        match self.netns(netns) {
            Some(Word::Initial) => command,
            Some(Word::Text(name)) => Ok(command?.within(&name)),
            None => Err(NoCommand("what happens in a namespace without a name")),
        }
    }
}

/// The devices that a request names in the namespace it is made in.
fn links(request: &mut Request) -> Vec<&mut LinkRef> {
    match request {
        Request::LinkAdd(LinkAdd { link, change, kind, .. })
        | Request::LinkReplace(LinkAdd { link, change, kind, .. }) => {
            let below = match kind {
                LinkKind::Vxlan(VxlanChange { dev, .. }) => dev.as_mut(),
                LinkKind::Ipip(tunnel) => tunnel.dev.as_mut(),
                LinkKind::Veth(peer) => peer.change.master.iter_mut().flatten().next(),
                LinkKind::Bridge(_)
                | LinkKind::Macvlan(_)
                | LinkKind::Dummy
                | LinkKind::Tun { .. } => None,
            };
            link.iter_mut().chain(links_of_change(change)).chain(below).collect()
        }
        Request::LinkSet(dev, change) => {
            std::iter::once(dev).chain(links_of_change(change)).collect()
        }
        Request::LinkDel(dev) => vec![dev],
        Request::AddrAdd(spec, _) | Request::AddrDel(spec) => vec![&mut spec.dev],
        Request::RouteAdd(spec, _) | Request::RouteDel(spec) => {
            spec.next_hops.iter_mut().filter_map(|hop| hop.dev.as_mut()).collect()
        }
        Request::NeighAdd(spec, _) | Request::NeighDel(spec) => spec.dev.iter_mut().collect(),
        Request::FdbAdd(spec, _) | Request::FdbDel(spec) => {
            std::iter::once(&mut spec.dev).chain(spec.via.as_mut()).collect()
        }
        Request::FdbFlush(spec) => {
            std::iter::once(&mut spec.dev).chain(spec.filter.port.as_mut()).collect()
        }
        Request::MulticastAdd(dev, _) | Request::MulticastDel(dev, _) => vec![dev],
        Request::MdbAdd(spec) | Request::MdbDel(spec) => vec![&mut spec.dev, &mut spec.port],
        Request::TunnelAdd(_, spec) | Request::TunnelSet(_, spec) => spec.dev.iter_mut().collect(),
        Request::QdiscSet(spec, _) | Request::QdiscDel(spec) => spec.dev.iter_mut().collect(),
        Request::RuleAdd(_)
        | Request::RuleDel(_)
        | Request::TunnelDel(_)
        | Request::NetnsIdSet { .. }
        | Request::ConntrackCreate(_)
        | Request::ConntrackUpdate(_)
        | Request::ConntrackDelete(..)
        | Request::ConntrackFlush
        | Request::ConntrackZero
        | Request::AccountAdd(_)
        | Request::AccountDel(_)
        | Request::SysctlSet { .. }
        | Request::Xt(_) => Vec::new(),
    }
}

fn links_of_change(change: &mut LinkChange) -> impl Iterator<Item = &mut LinkRef> {
    let below = change.vxlan.as_mut().and_then(|vxlan| vxlan.dev.as_mut());
    change.master.iter_mut().flatten().chain(below)
}

/// The device by its name, which stays the same where its number does not.
fn by_name(k: &Kernel, netns: NetnsId, link: LinkRef) -> LinkRef {
    match link::find(k, netns, link) {
        Ok(dev) => LinkRef::Name(k.devs[dev].name),
        Err(_) => link,
    }
}

/// Says of a new device what the kernel has drawn: its name and its hardware address. A bridge is left
/// alone, because one that was given an address no longer takes that of its ports.
fn pin(k: &Kernel, netns: NetnsId, add: &mut LinkAdd) {
    let home = add.change.netns.unwrap_or(netns);
    let made = match (add.name, add.ifindex) {
        (Some(name), _) => k.dev_by_name(home, name),
        (None, Some(index)) => k.dev_by_index(home, index),
        (None, None) => k.dev_by_index(home, k.netns[home].last_ifindex),
    };
    let Some(made) = made else { return };
    add.name = Some(k.devs[made].name);
    if let (LinkKind::Veth(end), DevKind::Veth(there)) = (&mut add.kind, &k.devs[made].kind) {
        end.name = Some(k.devs[there.peer].name);
        pin_address(k, there.peer, &mut end.change);
    }
    let draws = match add.kind {
        LinkKind::Veth(_) | LinkKind::Vxlan(_) | LinkKind::Macvlan(_) | LinkKind::Dummy => true,
        LinkKind::Bridge(_) | LinkKind::Ipip(_) | LinkKind::Tun { .. } => false,
    };
    if draws {
        pin_address(k, made, &mut add.change);
    }
}

/// Says of a new queueing discipline which number the kernel has given to it. One that was changed has it too.
fn pin_handle(k: &Kernel, netns: NetnsId, spec: &mut QdiscSpec) {
    let dev = spec.dev.and_then(|dev| link::find(k, netns, dev).ok());
    let there = dev.and_then(|dev| k.devs[dev].root_qdisc.as_ref());
    spec.handle = spec.handle.or_else(|| there.map(|qdisc| qdisc.handle));
}

fn pin_address(k: &Kernel, dev: DevId, change: &mut LinkChange) {
    change.address.get_or_insert(k.devs[dev].addr);
}

/// What stands above a script.
pub const SCRIPT_HEAD: &str = "\
#!/bin/sh
# The network of a kubewire lab. As root, in a network namespace of its own:
#   unshare --net --mount sh -c 'mount -t tmpfs tmpfs /run && sh THIS_FILE && exec $SHELL'
set -e
";

/// The changes that succeeded, as lines of a shell script. What no command can say ends the script there.
#[must_use]
pub fn script(entries: &[Entry]) -> String {
    let mut text = String::new();
    for entry in entries.iter().filter(|entry| entry.answer.is_ok()) {
        match &entry.exact {
            Ok(command) => writeln!(text, "{}", command.in_script()),
            Err(error) => {
                writeln!(text, "echo {} >&2; exit 1", command::quoted(&error.to_string()))
            }
        }
        .expect("a string takes everything");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script_of(lines: &[&str]) -> String {
        let mut world = World::new(3);
        world.keep_journal();
        for line in lines {
            let argv: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
            world.run_command(world.initial_netns(), &argv).unwrap();
        }
        script(&world.take_journal())
    }

    #[test]
    fn what_was_refused_is_not_in_the_script() {
        let lines =
            ["ip link add br0 type bridge", "ip link add br0 type bridge", "ip link del nope"];
        assert_eq!(script_of(&lines), "ip link add name br0 type bridge\n");
    }

    #[test]
    fn random_addresses_and_chosen_names_are_written_down() {
        let text = script_of(&["ip netns add n", "ip -n n link add type veth"]);
        let (first, second) = text.split_once('\n').unwrap();
        assert_eq!(first, "ip netns add n");
        assert!(second.starts_with("ip -n n link add name veth1 address "), "{second}");
        assert!(second.contains(" type veth peer name veth0 address "), "{second}");
    }

    #[test]
    fn the_initial_namespace_is_that_of_the_shell() {
        let text = script_of(&[
            "ip netns add n",
            "ip -n n link add v0 type veth peer v1",
            "ip -n n link set v0 netns 1",
            "ip netns attach here 1",
            "ip netns del n",
        ]);
        let lines: Vec<&str> = text.lines().skip(2).collect();
        assert_eq!(
            lines,
            ["ip -n n link set dev v0 netns $$", "ip netns attach here $$", "ip netns del n"]
        );
    }

    #[test]
    fn devices_are_named_whatever_their_numbers_are() {
        let text = script_of(&[
            "ip link add br0 type bridge",
            "ip addr add 10.0.0.1/24 dev br0",
            "ip addr flush dev br0",
        ]);
        assert_eq!(text.lines().last(), Some("ip addr del 10.0.0.1/24 label br0 dev br0"));
    }
}
