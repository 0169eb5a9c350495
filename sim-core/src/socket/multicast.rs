//! Which groups sockets are in (`struct ip_mc_socklist`, `ip(7)`).

use std::net::Ipv4Addr;

use crate::errno::Errno;
use crate::family::V4;
use crate::id::{DevId, IfIndex, NetnsId, SocketId};
use crate::ip::igmp::source::Whose;
use crate::ip::igmp::{self, source};
use crate::kernel::Kernel;
use crate::link::DevName;
use crate::link::group::FilterMode;
use crate::route::{self, FlowKey};
use crate::socket::{Protocol, Socket};
use crate::sysctl::Sysctl;
use crate::trace::Observer;

/// A group by a device, as `struct ip_mreqn` names it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct GroupRequest {
    /// The group.
    pub group: Ipv4Addr,
    /// An address of the device; unspecified leaves the choice to the routes.
    pub address: Ipv4Addr,
    /// The device, which counts before its address.
    pub dev: Option<DevName>,
}

/// What changes about a group.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum GroupChange {
    /// `IP_ADD_MEMBERSHIP`: joins it.
    Join,
    /// `IP_DROP_MEMBERSHIP`: leaves it.
    Leave,
    /// One sender is heard, or is not.
    Source(SourceChange, Ipv4Addr),
    /// `IP_MSFILTER`: which senders are heard.
    Filter(FilterMode, Vec<Ipv4Addr>),
}

/// A change to the senders that a socket wants to hear, or not to hear.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SourceChange {
    /// `IP_ADD_SOURCE_MEMBERSHIP`: joins, to hear this one.
    Join,
    /// `IP_DROP_SOURCE_MEMBERSHIP`.
    Leave,
    /// `IP_BLOCK_SOURCE`: no longer hears this one.
    Block,
    /// `IP_UNBLOCK_SOURCE`.
    Unblock,
}

/// A group that a socket is in (`struct ip_mc_socklist`).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Membership {
    /// The group.
    group: Ipv4Addr,
    /// The address that the device was named by.
    address: Ipv4Addr,
    /// The device's number.
    ifindex: IfIndex,
    /// Which senders it wants.
    mode: FilterMode,
    /// The senders that it names; `None` until it has named one.
    sources: Option<Vec<Ipv4Addr>>,
}

/// Who is in groups: a socket, or the namespace itself for its addresses with `autojoin`
/// (`mc_autojoin_sk`).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Member {
    /// A socket.
    Socket(SocketId),
    /// The namespace.
    Autojoin(NetnsId),
}

impl Member {
    fn netns(self, k: &Kernel) -> NetnsId {
        match self {
            Self::Socket(id) => k.sockets[id].netns,
            Self::Autojoin(netns) => netns,
        }
    }

    fn list(self, k: &mut Kernel) -> &mut Vec<Membership> {
        match self {
            Self::Socket(id) => &mut k.sockets[id].memberships,
            Self::Autojoin(netns) => &mut k.netns[netns].sockets.autojoin,
        }
    }

    /// Where the membership stands in the list.
    fn find(self, k: &mut Kernel, group: Ipv4Addr, ifindex: IfIndex) -> Option<usize> {
        self.list(k).iter().position(|m| m.group == group && m.ifindex == ifindex)
    }
}

/// The device that a request means (`ip_mc_find_dev()`).
fn find_dev(k: &mut Kernel, netns: NetnsId, request: &GroupRequest) -> Option<DevId> {
    if let Some(name) = request.dev {
        return k.dev_by_name(netns, name);
    }
    if !request.address.is_unspecified() {
        return route::addr_type::dev_of_addr(k, netns, request.address);
    }
    let way = route::output(k, netns, &FlowKey::<V4>::to(request.group));
    way.ok().map(|way| way.dst.dev)
}

/// Changes which groups a socket is in, and whom it hears there (`do_ip_setsockopt()`).
///
/// # Errors
/// `EPROTO` for streams, `ENOPROTOOPT` for packet sockets, and what [`join`] and its like say.
pub(super) fn change<O: Observer>(
    k: &mut Kernel,
    id: SocketId,
    request: &GroupRequest,
    change: &GroupChange,
    o: &mut O,
) -> Result<(), Errno> {
    match k.sockets[id].protocol {
        Protocol::Tcp(_) | Protocol::TcpTimeWait(_) => return Err(Errno::EPROTO),
        Protocol::Packet(_) => return Err(Errno::ENOPROTOOPT),
        Protocol::Udp | Protocol::Ping | Protocol::Raw(_) => {}
    }
    match change {
        GroupChange::Join => join(k, Member::Socket(id), request, FilterMode::Exclude),
        GroupChange::Leave => leave(k, Member::Socket(id), request, o),
        GroupChange::Source(change, sender) => change_source(k, id, request, *sender, *change, o),
        GroupChange::Filter(mode, senders) => set_filter(k, id, request, *mode, senders, o),
    }
}

/// Joins a group (`__ip_mc_join_group()`).
///
/// # Errors
/// `EINVAL` for what is no group, `ENODEV` without a device, `EADDRINUSE` if it is in it already,
/// `ENOBUFS` if it is in as many as `igmp_max_memberships` allows.
pub fn join(
    k: &mut Kernel,
    member: Member,
    request: &GroupRequest,
    mode: FilterMode,
) -> Result<(), Errno> {
    if !request.group.is_multicast() {
        return Err(Errno::EINVAL);
    }
    let netns = member.netns(k);
    let dev = find_dev(k, netns, request).ok_or(Errno::ENODEV)?;
    let ifindex = k.devs[dev].ifindex;
    if member.find(k, request.group, ifindex).is_some() {
        return Err(Errno::EADDRINUSE);
    }
    let most = k.netns[netns].sysctl.get(Sysctl::IgmpMaxMemberships);
    let list = member.list(k);
    if i64::try_from(list.len()).unwrap_or(i64::MAX) >= most {
        return Err(Errno::ENOBUFS);
    }
    let GroupRequest { group, address, .. } = *request;
    list.insert(0, Membership { group, address, ifindex, mode, sources: None });
    igmp::join(k, dev, group, mode);
    Ok(())
}

/// Leaves a group (`ip_mc_leave_group()`).
///
/// # Errors
/// `ENODEV` if the routes lead nowhere, `EADDRNOTAVAIL` if it is not in the group.
pub fn leave<O: Observer>(
    k: &mut Kernel,
    member: Member,
    request: &GroupRequest,
    o: &mut O,
) -> Result<(), Errno> {
    let dev = find_dev(k, member.netns(k), request);
    if request.dev.is_none() && request.address.is_unspecified() && dev.is_none() {
        return Err(Errno::ENODEV);
    }
    let ifindex = dev.map(|dev| k.devs[dev].ifindex);
    let fits = |m: &Membership| {
        m.group == request.group
            && match ifindex {
                Some(ifindex) => m.ifindex == ifindex,
                None => request.address.is_unspecified() || m.address == request.address,
            }
    };
    let list = member.list(k);
    let at = list.iter().position(fits).ok_or(Errno::EADDRNOTAVAIL)?;
    let membership = list.remove(at);
    end(k, dev, &membership, o);
    Ok(())
}

/// Ends a membership, if its device is still there.
fn end<O: Observer>(k: &mut Kernel, dev: Option<DevId>, membership: &Membership, o: &mut O) {
    let Some(dev) = dev else { return };
    let named = membership.sources.as_deref().unwrap_or_default();
    source::del(k, dev, membership.group, membership.mode, named, Whose::Newcomer);
    igmp::leave(k, dev, membership.group, o);
}

/// Changes which senders a socket hears (`ip_mc_source()`).
///
/// # Errors
/// As [`join`] and [`leave`]; `EINVAL` if it is not in the group, or in the other mode;
/// `EADDRNOTAVAIL` if the sender is named already, or is not; `ENOBUFS` if it names as many as
/// `igmp_max_msf` allows.
fn change_source<O: Observer>(
    k: &mut Kernel,
    id: SocketId,
    request: &GroupRequest,
    sender: Ipv4Addr,
    change: SourceChange,
    o: &mut O,
) -> Result<(), Errno> {
    let member = Member::Socket(id);
    if change == SourceChange::Join {
        match join(k, member, request, FilterMode::Include) {
            Ok(()) | Err(Errno::EADDRINUSE) => {}
            Err(errno) => return Err(errno),
        }
    }
    let (mode, adds) = match change {
        SourceChange::Join => (FilterMode::Include, true),
        SourceChange::Leave => (FilterMode::Include, false),
        SourceChange::Block => (FilterMode::Exclude, true),
        SourceChange::Unblock => (FilterMode::Exclude, false),
    };
    let (dev, at) = find(k, member, request)?;
    let group = request.group;
    let old = member.list(k)[at].mode;
    let named = member.list(k)[at].sources.is_some();
    if old != mode {
        if named {
            return Err(Errno::EINVAL);
        }
        source::add(k, dev, group, mode, &[], Whose::Newcomer);
        source::del(k, dev, group, old, &[], Whose::Newcomer);
        member.list(k)[at].mode = mode;
    }
    if adds {
        return name_sender(k, member, (dev, at), sender);
    }
    let list = member.list(k)[at].sources.as_mut().ok_or(Errno::EADDRNOTAVAIL)?;
    let found = list.iter().position(|s| *s == sender).ok_or(Errno::EADDRNOTAVAIL)?;
    // To hear nobody is to leave.
    if list.len() == 1 && mode == FilterMode::Include {
        return leave(k, member, request, o);
    }
    list.remove(found);
    source::del(k, dev, group, mode, &[sender], Whose::Member);
    Ok(())
}

/// The membership that a request means: the device, and where it stands in the list.
fn find(k: &mut Kernel, member: Member, request: &GroupRequest) -> Result<(DevId, usize), Errno> {
    if !request.group.is_multicast() {
        return Err(Errno::EINVAL);
    }
    let dev = find_dev(k, member.netns(k), request).ok_or(Errno::ENODEV)?;
    let ifindex = k.devs[dev].ifindex;
    let at = member.find(k, request.group, ifindex).ok_or(Errno::EINVAL)?;
    Ok((dev, at))
}

/// Adds a sender to those that a membership names.
fn name_sender(
    k: &mut Kernel,
    member: Member,
    (dev, at): (DevId, usize),
    sender: Ipv4Addr,
) -> Result<(), Errno> {
    let most = most_sources(k, member);
    let membership = &mut member.list(k)[at];
    let (group, mode) = (membership.group, membership.mode);
    if membership.sources.as_ref().is_some_and(|list| list.len() >= most) {
        return Err(Errno::ENOBUFS);
    }
    let list = membership.sources.get_or_insert_default();
    if list.contains(&sender) {
        return Err(Errno::EADDRNOTAVAIL);
    }
    list.push(sender);
    source::add(k, dev, group, mode, &[sender], Whose::Member);
    Ok(())
}

fn most_sources(k: &Kernel, member: Member) -> usize {
    let most = k.netns[member.netns(k)].sysctl.get(Sysctl::IgmpMaxMsf);
    usize::try_from(most).unwrap_or(0)
}

/// Sets mode and senders at once (`IP_MSFILTER`, `ip_mc_msfilter()`).
///
/// # Errors
/// As [`change_source`].
fn set_filter<O: Observer>(
    k: &mut Kernel,
    id: SocketId,
    request: &GroupRequest,
    mode: FilterMode,
    senders: &[Ipv4Addr],
    o: &mut O,
) -> Result<(), Errno> {
    let member = Member::Socket(id);
    if senders.len() > most_sources(k, member) {
        return Err(Errno::ENOBUFS);
    }
    if mode == FilterMode::Include && senders.is_empty() {
        if !request.group.is_multicast() {
            return Err(Errno::EINVAL);
        }
        find_dev(k, member.netns(k), request).ok_or(Errno::ENODEV)?;
        return leave(k, member, request, o);
    }
    let (dev, at) = find(k, member, request)?;
    let group = request.group;
    source::add(k, dev, group, mode, senders, Whose::Newcomer);
    let membership = &mut member.list(k)[at];
    let old = (!senders.is_empty()).then(|| senders.to_vec());
    let old = std::mem::replace(&mut membership.sources, old).unwrap_or_default();
    let old_mode = std::mem::replace(&mut membership.mode, mode);
    source::del(k, dev, group, old_mode, &old, Whose::Newcomer);
    Ok(())
}

/// A socket that is closed leaves its groups (`ip_mc_drop_socket()`).
pub(super) fn drop_socket<O: Observer>(k: &mut Kernel, id: SocketId, o: &mut O) {
    let netns = k.sockets[id].netns;
    for membership in std::mem::take(&mut k.sockets[id].memberships) {
        let dev = k.dev_by_index(netns, membership.ifindex);
        end(k, dev, &membership, o);
    }
}

/// Whether a socket hears what `src` sends to `group` by a device (`ip_mc_sf_allow()`). One that is not in
/// the group hears what others have joined for, unless `IP_MULTICAST_ALL` is off.
#[must_use]
pub fn hears(socket: &Socket, group: Ipv4Addr, src: Ipv4Addr, dev: IfIndex) -> bool {
    if !group.is_multicast() {
        return true;
    }
    let known = socket.memberships.iter().find(|m| m.group == group && m.ifindex == dev);
    let Some(membership) = known else { return socket.opts.mc_all };
    let named = membership.sources.as_ref().is_some_and(|list| list.contains(&src));
    named == (membership.mode == FilterMode::Include)
}
