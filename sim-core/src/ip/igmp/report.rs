//! What a host sends: reports of the three versions, and leaves.

use std::net::Ipv4Addr;

use crate::family::V4;
use crate::id::DevId;
use crate::ip::igmp::{self, ALL_ROUTERS, ALL_V3_ROUTERS};
use crate::kernel::{Flight, Kernel, Place};
use crate::link::group::{FilterMode, Group, GroupSource};
use crate::netns::stack;
use crate::packet::IpProto;
use crate::packet::build::{Ipv4Params, push_ipv4};
use crate::packet::checksum::ip_compute_csum;
use crate::packet::ipv4::IPV4_HLEN;
use crate::route::{self, FlowKey};
use crate::trace::{Observer, Origin};

/// The option that has routers look at the packet (RFC 2113).
const ROUTER_ALERT: [u8; 4] = [0x94, 4, 0, 0];
/// Internetwork control, the highest precedence.
const TOS: u8 = 0xc0;
/// The length of the IP header with its option, in bytes.
const HEADER_LEN: usize = IPV4_HLEN + ROUTER_ALERT.len();
/// The length of what stands before the first record of a report, in bytes.
const REPORT_HLEN: usize = 8;
/// The length of a record without its senders, in bytes.
const RECORD_LEN: usize = 8;
/// The length of a sender, in bytes.
const SOURCE_LEN: usize = 4;
/// The type of a report of version 3.
const REPORT_V3: u8 = 0x22;
/// The least MTU of a device that IPv4 works on, in bytes.
const IPV4_MIN_MTU: usize = 68;

/// The messages of versions 1 and 2.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub(super) enum MessageType {
    ReportV1 = 0x12,
    ReportV2 = 0x16,
    Leave = 0x17,
}

/// The types of records (RFC 3376 section 4.2.12).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
enum Record {
    ModeIsInclude = 1,
    ModeIsExclude = 2,
    ToInclude = 3,
    ToExclude = 4,
    AllowNewSources = 5,
    BlockOldSources = 6,
}

/// What a record is about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum About {
    /// A group that the host is in.
    Group,
    /// Senders that are no longer named for it.
    GoneSources,
    /// A group that was left.
    LeftGroup,
    /// Senders that were no longer named when it was left.
    LeftGroupGoneSources,
}

impl About {
    fn left(self) -> bool {
        matches!(self, Self::LeftGroup | Self::LeftGroupGoneSources)
    }

    fn gone(self) -> bool {
        matches!(self, Self::GoneSources | Self::LeftGroupGoneSources)
    }
}

/// Whether a record names a sender (`is_in()`).
fn names(group: &Group, source: &GroupSource, kind: Record, about: About) -> bool {
    let excluded_by_all = group.counts.exclude == source.counts.exclude;
    match kind {
        Record::ModeIsInclude | Record::ModeIsExclude => {
            about == About::Group
                && (!group.asked_for_sources || source.asked)
                && match group.mode {
                    FilterMode::Include => true,
                    FilterMode::Exclude if source.counts.include != 0 => {
                        kind == Record::ModeIsInclude
                    }
                    FilterMode::Exclude => excluded_by_all,
                }
        }
        Record::ToInclude => about == About::Group && source.counts.include != 0,
        Record::ToExclude => {
            about == About::Group
                && group.counts.exclude != 0
                && source.counts.include == 0
                && excluded_by_all
        }
        Record::AllowNewSources => {
            !about.left()
                && source.changes != 0
                && (group.mode == FilterMode::Include) != about.gone()
        }
        Record::BlockOldSources if group.mode == FilterMode::Include => {
            about.left() || source.changes != 0 && about.gone()
        }
        Record::BlockOldSources => source.changes != 0 && about == About::Group,
    }
}

/// Reports in the making; each is as long as the device's MTU allows.
struct Drafts {
    mtu: usize,
    done: Vec<Vec<u8>>,
    draft: Option<Vec<u8>>,
}

impl Drafts {
    /// Reports for a device.
    fn new(k: &Kernel, dev: DevId) -> Self {
        Self { mtu: k.devs[dev].mtu as usize, done: Vec::new(), draft: None }
    }

    /// How many bytes the report has room for.
    fn room(&self) -> usize {
        self.draft.as_ref().map_or(0, |draft| self.mtu.saturating_sub(HEADER_LEN + draft.len()))
    }

    fn finish(&mut self) {
        self.done.extend(self.draft.take());
    }

    fn draft(&mut self) -> &mut Vec<u8> {
        self.draft.get_or_insert_with(|| {
            let mut draft = vec![0; REPORT_HLEN];
            draft[0] = REPORT_V3;
            draft
        })
    }

    /// Begins a record (`add_grhead()`), and tells where it stands.
    fn begin(&mut self, kind: Record, group: Ipv4Addr) -> usize {
        let draft = self.draft();
        let records = u16::from_be_bytes([draft[6], draft[7]]) + 1;
        draft[6..8].copy_from_slice(&records.to_be_bytes());
        let at = draft.len();
        draft.extend([kind as u8, 0, 0, 0]);
        draft.extend(group.octets());
        at
    }

    /// Adds a sender to the record at `at`.
    fn source(&mut self, at: usize, source: Ipv4Addr) {
        let draft = self.draft();
        draft.extend(source.octets());
        let sources = u16::from_be_bytes([draft[at + 2], draft[at + 3]]) + 1;
        draft[at + 2..at + 4].copy_from_slice(&sources.to_be_bytes());
    }

    /// Adds a record, unless there is nothing to say (`add_grec()`).
    fn add(&mut self, group: &mut Group, kind: Record, about: About) {
        if self.mtu < IPV4_MIN_MTU {
            return;
        }
        let is_state = matches!(kind, Record::ModeIsInclude | Record::ModeIsExclude);
        let is_sources = matches!(kind, Record::AllowNewSources | Record::BlockOldSources);
        let said = self.add_sources(group, kind, about);
        if !said && is_sources {
            return;
        }
        if !said && (group.changes != 0 || is_state) {
            if self.room() < RECORD_LEN {
                self.finish();
            }
            self.begin(kind, group.addr);
        }
        if is_state {
            group.asked_for_sources = false;
        }
    }

    /// Adds a record for the senders that it names; tells whether there were any.
    fn add_sources(&mut self, group: &mut Group, kind: Record, about: About) -> bool {
        let list = if about.gone() { &mut group.tomb } else { &mut group.sources };
        let list = std::mem::take(list);
        let truncates = matches!(kind, Record::ModeIsExclude | Record::ToExclude);
        let is_sources = matches!(kind, Record::AllowNewSources | Record::BlockOldSources);
        if truncates && !list.is_empty() && self.draft.is_some() {
            let named = list.iter().filter(|s| names(group, s, kind, about)).count();
            if self.room() < RECORD_LEN + SOURCE_LEN * named {
                self.finish();
            }
        }
        // A change of mode says it all (RFC 3376 section 5.1).
        let silent = is_sources
            && if about.left() { group.mode == FilterMode::Exclude } else { group.changes != 0 };
        let mut record = None;
        let mut said = false;
        let mut kept = Vec::with_capacity(list.len());
        let mut full = false;
        for mut source in list {
            if full || !names(group, &source, kind, about) {
                kept.push(source);
                continue;
            }
            if !silent || source.changes == 0 {
                let wanted = SOURCE_LEN + if record.is_none() { RECORD_LEN } else { 0 };
                if self.room() < wanted {
                    if truncates && record.is_some() {
                        full = true;
                        kept.push(source);
                        continue;
                    }
                    self.finish();
                    record = None;
                }
                source.asked &= is_sources || matches!(kind, Record::ToInclude | Record::ToExclude);
                let at = *record.get_or_insert_with(|| self.begin(kind, group.addr));
                self.source(at, source.addr);
                said = true;
            }
            if is_sources && source.changes != 0 {
                source.changes -= 1;
                if about != About::Group && source.changes == 0 {
                    continue;
                }
            }
            kept.push(source);
        }
        if about.gone() {
            group.tomb = kept;
        } else {
            group.sources = kept;
        }
        said
    }
}

/// Reports the host's state: of one group, or of all (`igmpv3_send_report()`).
pub(super) fn send_state<O: Observer>(
    k: &mut Kernel,
    dev: DevId,
    only: Option<Ipv4Addr>,
    o: &mut O,
) {
    let mut drafts = Drafts::new(k, dev);
    let mut groups = std::mem::take(&mut k.devs[dev].inet.groups);
    for group in &mut groups {
        if only.is_some_and(|only| only != group.addr) || !igmp::is_reported(k, dev, group.addr) {
            continue;
        }
        let excludes = group.counts.exclude != 0;
        let kind = if excludes { Record::ModeIsExclude } else { Record::ModeIsInclude };
        drafts.add(group, kind, About::Group);
    }
    k.devs[dev].inet.groups = groups;
    send_all(k, dev, drafts, o);
}

/// Reports what has changed (`igmpv3_send_cr()`).
pub(super) fn send_changes<O: Observer>(k: &mut Kernel, dev: DevId, o: &mut O) {
    let mut drafts = Drafts::new(k, dev);
    let mut left = std::mem::take(&mut igmp::igmp(k, dev).left);
    left.retain_mut(|group| {
        if igmp::is_reported(k, dev, group.addr) {
            left_group(&mut drafts, group);
        }
        count_down(group);
        group.changes != 0 || !group.tomb.is_empty() || !group.sources.is_empty()
    });
    igmp::igmp(k, dev).left = left;
    let mut groups = std::mem::take(&mut k.devs[dev].inet.groups);
    for group in &mut groups {
        if igmp::is_reported(k, dev, group.addr) {
            changed_group(&mut drafts, group);
        }
        group.changes = group.changes.saturating_sub(1);
    }
    k.devs[dev].inet.groups = groups;
    send_all(k, dev, drafts, o);
}

/// What there is to say of a group that was left.
fn left_group(drafts: &mut Drafts, group: &mut Group) {
    if group.mode == FilterMode::Include {
        drafts.add(group, Record::BlockOldSources, About::LeftGroup);
        drafts.add(group, Record::BlockOldSources, About::LeftGroupGoneSources);
    } else if group.changes != 0 {
        drafts.add(group, Record::ToInclude, About::LeftGroup);
    }
}

/// A group that was left is told of once less.
fn count_down(group: &mut Group) {
    if group.changes != 0 {
        group.changes -= 1;
        if group.changes == 0 {
            group.tomb.retain(|source| source.changes != 0);
            group.sources.retain(|source| source.changes != 0);
        }
    }
}

/// What there is to say of a group that the host is in.
fn changed_group(drafts: &mut Drafts, group: &mut Group) {
    let (named, gone) = if group.counts.exclude != 0 {
        (Record::BlockOldSources, Record::AllowNewSources)
    } else {
        (Record::AllowNewSources, Record::BlockOldSources)
    };
    drafts.add(group, named, About::Group);
    drafts.add(group, gone, About::GoneSources);
    if group.changes != 0 {
        let kind = match group.mode {
            FilterMode::Exclude => Record::ToExclude,
            FilterMode::Include => Record::ToInclude,
        };
        drafts.add(group, kind, About::Group);
    }
}

fn send_all<O: Observer>(k: &mut Kernel, dev: DevId, mut drafts: Drafts, o: &mut O) {
    drafts.finish();
    for message in drafts.done {
        transmit(k, dev, ALL_V3_ROUTERS, &message, Source::OfDevice, o);
    }
}

/// Sends a message of version 1 or 2 (`igmp_send_report()`).
pub(super) fn send<O: Observer>(
    k: &mut Kernel,
    dev: DevId,
    group: Ipv4Addr,
    kind: MessageType,
    o: &mut O,
) {
    if !igmp::is_reported(k, dev, group) {
        return;
    }
    let mut message = [0; 8];
    message[0] = kind as u8;
    message[4..].copy_from_slice(&group.octets());
    let to = if kind == MessageType::Leave { ALL_ROUTERS } else { group };
    transmit(k, dev, to, &message, Source::OfRoute, o);
}

/// Which source address a message carries.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Source {
    /// The one that the route says.
    OfRoute,
    /// The one that the route says if it is the device's own, else none (RFC 3376 section 4.2.13).
    OfDevice,
}

fn transmit<O: Observer>(
    k: &mut Kernel,
    dev: DevId,
    to: Ipv4Addr,
    message: &[u8],
    source: Source,
    o: &mut O,
) {
    let netns = k.devs[dev].netns;
    let key = FlowKey::<V4> { oif: Some(dev), proto: IpProto::IGMP.0, ..FlowKey::to(to) };
    let Ok(way) = route::output(k, netns, &key) else { return };
    let own = k.devs[dev].inet.addrs.iter().any(|addr| addr.local == way.src);
    let src = match source {
        Source::OfDevice if !own => Ipv4Addr::UNSPECIFIED,
        Source::OfDevice | Source::OfRoute => way.src,
    };
    let mut skb = k.skb();
    let data = skb.put_zero(message.len());
    data.copy_from_slice(message);
    let check = ip_compute_csum(data);
    data[2..4].copy_from_slice(&check.to_be_bytes());
    skb.reset_transport_header();
    push_ipv4(
        &mut skb,
        &Ipv4Params {
            ttl: 1,
            tos: TOS,
            df: true,
            options: &ROUTER_ALERT,
            ..Ipv4Params::new(src, to, IpProto::IGMP)
        },
    );
    let flow = k.new_flow();
    let mut flight = Flight::new(skb, Place::LocalOut, netns, dev, flow);
    flight.dst = Some(way.dst);
    stack::start(k, flight, Origin::Timer { what: "igmp" }, o);
}
