//! Putting fragments together (`net/ipv4/ip_fragment.c`).

mod queue;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use crate::id::{DevId, NetnsId};
use crate::kernel::{Flight, Kernel, Timer, TimerId};
use crate::netns::mib::{IpExtMib, IpMib};
use crate::netns::stack::Decision;
use crate::packet::ipv4::Ipv4;
use crate::packet::{IpProto, Skb, checksum};
use crate::sysctl::table::Sysctl;
use crate::time::HZ;
use crate::trace::DropReason;

use queue::{Insertion, Notes, Piece, Queue};

/// Who wants the datagram whole (`enum ip_defrag_users`). Users do not see each other's fragments.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum User {
    /// This host is its destination (`IP_DEFRAG_LOCAL_DELIVER`).
    LocalDeliver,
    /// Macvlan devices, which get group frames as whole datagrams (`IP_DEFRAG_MACVLAN`).
    Macvlan,
    /// Connection tracking of received packets, in a zone (`IP_DEFRAG_CONNTRACK_IN`).
    ConntrackIn(u16),
    /// Connection tracking of packets made here (`IP_DEFRAG_CONNTRACK_OUT`).
    ConntrackOut(u16),
    /// Connection tracking of bridged packets (`IP_DEFRAG_CONNTRACK_BRIDGE_IN`).
    ConntrackBridgeIn(u16),
}

impl User {
    /// Whether the sender is told of missing fragments only by the host that the datagram is for
    /// (`frag_expire_skip_icmp()`).
    const fn is_in_passing(self) -> bool {
        matches!(self, Self::ConntrackIn(_) | Self::ConntrackBridgeIn(_))
    }
}

/// What fragments of one datagram have in common (`struct frag_v4_compare_key`).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Key {
    src: Ipv4Addr,
    dst: Ipv4Addr,
    id: u16,
    proto: IpProto,
    user: User,
}

/// The datagrams of a namespace that wait for fragments (`struct fqdir`).
#[derive(Clone, Debug, Default)]
pub struct Reassembly {
    queues: BTreeMap<Key, Waiting>,
    /// How many fragments each source has sent since the first of its datagrams that still wait.
    sources: BTreeMap<Ipv4Addr, u32>,
    /// How many bytes of memory the fragments are charged with.
    memory: usize,
}

impl Reassembly {
    /// How many datagrams wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.queues.len()
    }
}

/// A datagram that waits for fragments.
#[derive(Clone, Debug)]
struct Waiting {
    queue: Queue,
    timer: TimerId,
    /// The device that the last fragment came in by.
    dev: DevId,
    /// What its fragments are charged with, in bytes.
    memory: usize,
}

/// Whether a datagram is complete.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Datagram {
    /// It is; the flight has it.
    Whole,
    /// Fragments are missing.
    Waiting,
}

/// Takes a fragment. When it completes its datagram, the flight carries the whole datagram on
/// (`ip_defrag()`).
///
/// # Errors
/// Why the fragment, or with it the whole datagram, was dropped.
pub fn defragment(k: &mut Kernel, f: &mut Flight, user: User) -> Decision<Datagram> {
    let Ok(ip) = Ipv4::parse(f.skb.network_header()) else { return Err(DropReason::IpInHdr) };
    let key = Key { src: ip.src(), dst: ip.dst(), id: ip.id(), proto: ip.proto(), user };
    let piece = Piece {
        offset: ip.frag_offset(),
        total_len: f.skb.network_header().len().min(ip.total_len()),
        header_len: ip.header_len(),
        more: ip.mf(),
        dont_fragment: ip.df(),
        ecn: ip.tos() & 3,
        notes: Notes { options: f.cb.opt, iif: f.iif, ct: f.ct, bridged: f.bridged },
    };
    count(k, f.netns, IpMib::ReasmReqds);
    if !open(k, f, key) {
        count(k, f.netns, IpMib::ReasmFails);
        return Err(DropReason::NotSpecified);
    }
    check_distance(k, f.netns, key);
    let skb = std::mem::replace(&mut f.skb, k.skb());
    let memory = truesize(&skb);
    let waiting = entry(k, f.netns, key);
    waiting.dev = f.dev;
    let (insertion, refused) = waiting.queue.insert(skb, piece);
    if let Some(skb) = refused {
        let unused = std::mem::replace(&mut f.skb, skb);
        k.pool.give(unused);
    } else {
        waiting.memory += memory;
        k.netns[f.netns].reassembly.memory += memory;
    }
    match insertion {
        Insertion::Kept => Ok(Datagram::Waiting),
        Insertion::Complete => complete(k, f, key),
        Insertion::Duplicate => Err(DropReason::DupFrag),
        Insertion::Overlap => {
            k.netns[f.netns].mib.ip_ext.inc(IpExtMib::ReasmOverlaps);
            fail(k, f.netns, key)
        }
        Insertion::Bad => fail(k, f.netns, key),
    }
}

fn count(k: &mut Kernel, netns: NetnsId, counter: IpMib) {
    k.netns[netns].mib.ip.inc(counter);
}

/// What a fragment's buffer is charged with, in bytes (`skb->truesize`).
fn truesize(skb: &Skb) -> usize {
    crate::packet::truesize(skb.network_header().len())
}

fn entry(k: &mut Kernel, netns: NetnsId, key: Key) -> &mut Waiting {
    k.netns[netns].reassembly.queues.get_mut(&key).expect("it was opened before")
}

/// Makes sure that the datagram has a queue; false if there is no memory for another one
/// (`inet_frag_find()`).
fn open(k: &mut Kernel, f: &Flight, key: Key) -> bool {
    let netns = &k.netns[f.netns];
    if netns.reassembly.queues.contains_key(&key) {
        return true;
    }
    let limit = netns.sysctl.get(Sysctl::IpfragHighThresh);
    let used = i64::try_from(netns.reassembly.memory).unwrap_or(i64::MAX);
    if limit == 0 || used > limit {
        return false;
    }
    let seconds = u64::try_from(netns.sysctl.get(Sysctl::IpfragTime)).unwrap_or(0);
    let expires = k.now.jiffies().saturating_add(seconds.saturating_mul(HZ));
    let timer = Timer::Reassembly { netns: f.netns, key };
    let timer = k.timers.arm_jiffies(k.now, expires, timer);
    let rid = k.netns[f.netns].reassembly.sources.get(&key.src).copied().unwrap_or(0);
    let waiting = Waiting { queue: Queue::new(rid), timer, dev: f.dev, memory: 0 };
    k.netns[f.netns].reassembly.queues.insert(key, waiting);
    true
}

/// Starts a datagram anew if too many other fragments of its source came since its last one
/// (`ip_frag_too_far()`): identifications wrap around, and these may be parts of different datagrams.
fn check_distance(k: &mut Kernel, netns: NetnsId, key: Key) {
    let max = k.netns[netns].sysctl.get(Sysctl::IpfragMaxDist);
    if max == 0 {
        return;
    }
    let reassembly = &mut k.netns[netns].reassembly;
    let count_of_source = reassembly.sources.entry(key.src).or_insert(0);
    *count_of_source = count_of_source.wrapping_add(1);
    let now = *count_of_source;
    let waiting = entry(k, netns, key);
    let since = now.wrapping_sub(waiting.queue.rid);
    waiting.queue.rid = now;
    if waiting.queue.is_empty() || i64::from(since) <= max {
        return;
    }
    let freed = std::mem::take(&mut waiting.memory);
    let old: Vec<Box<Skb>> = waiting.queue.drain().map(|fragment| fragment.skb).collect();
    waiting.queue.reset();
    for skb in old {
        k.pool.give(skb);
    }
    k.netns[netns].reassembly.memory -= freed;
    count(k, netns, IpMib::ReasmFails);
}

/// Puts the datagram together (`ip_frag_reasm()`).
fn complete(k: &mut Kernel, f: &mut Flight, key: Key) -> Decision<Datagram> {
    let mut queue = close(k, f.netns, key);
    let (Some(ecn), Some(len)) = (queue.ecn(), queue.datagram_len()) else {
        for fragment in queue.drain() {
            k.pool.give(fragment.skb);
        }
        count(k, f.netns, IpMib::ReasmFails);
        return Err(DropReason::NotSpecified);
    };
    let (max_size, max_df_size) = (queue.max_size, queue.max_df_size);
    let pieces = (key.user != User::LocalDeliver).then(|| queue.lengths());
    let mut fragments = queue.drain();
    let Some(first) = fragments.next() else { return Err(DropReason::NotSpecified) };
    let mut whole = first.skb;
    let Notes { options, iif, ct, bridged } = first.notes;
    (f.cb.opt, f.iif, f.ct, f.bridged) = (options, iif, ct, bridged);
    whole.data_to_network_header();
    whole.trim(first.header_len + first.end - first.offset);
    for fragment in fragments {
        let data = fragment.skb.network_header();
        let end = fragment.header_len + fragment.end - fragment.offset;
        whole.put(data.get(fragment.header_len..end).unwrap_or_default());
        k.pool.give(fragment.skb);
    }
    let df = max_df_size == max_size;
    write_header(&mut whole, len, ecn, df);
    let empty = std::mem::replace(&mut f.skb, whole);
    k.pool.give(empty);
    f.cb.frag_max_size = u16::try_from(max_size.max(max_df_size)).unwrap_or(u16::MAX);
    f.cb.frag_df = df;
    f.pieces = pieces;
    count(k, f.netns, IpMib::ReasmOks);
    Ok(Datagram::Whole)
}

/// Makes the first fragment's header that of the datagram.
fn write_header(whole: &mut Skb, len: usize, ecn: u8, df: bool) {
    let header = whole.network_header_mut();
    let header_len = usize::from(header[0] & 0x0f) * 4;
    let total = u16::try_from(len).unwrap_or(u16::MAX);
    header[1] |= ecn;
    header[2..4].copy_from_slice(&total.to_be_bytes());
    header[6..8].copy_from_slice(&(u16::from(df) << 14).to_be_bytes());
    header[10..12].fill(0);
    let sum = checksum::ip_compute_csum(&header[..header_len]);
    header[10..12].copy_from_slice(&sum.to_be_bytes());
}

/// Drops the datagram with all its fragments.
fn fail(k: &mut Kernel, netns: NetnsId, key: Key) -> Decision<Datagram> {
    let mut queue = close(k, netns, key);
    for fragment in queue.drain() {
        k.pool.give(fragment.skb);
    }
    count(k, netns, IpMib::ReasmFails);
    Err(DropReason::NotSpecified)
}

/// Takes the queue out (`inet_frag_kill()`).
fn close(k: &mut Kernel, netns: NetnsId, key: Key) -> Queue {
    let reassembly = &mut k.netns[netns].reassembly;
    let waiting = reassembly.queues.remove(&key).expect("it was opened before");
    reassembly.memory -= waiting.memory;
    let low = Ipv4Addr::UNSPECIFIED;
    let from = Key { src: key.src, dst: low, id: 0, proto: IpProto(0), user: User::LocalDeliver };
    let next = reassembly.queues.range(from..).next();
    if next.is_none_or(|(other, _)| other.src != key.src) {
        reassembly.sources.remove(&key.src);
    }
    k.timers.disarm(waiting.timer);
    waiting.queue
}

/// What is left of a datagram whose fragments did not all come in time.
#[derive(Debug)]
pub struct Expired {
    /// The first fragment, if it came: its sender is to be told.
    pub first: Option<Box<Skb>>,
    /// The device that the last fragment came in by.
    pub dev: DevId,
    /// Whether the sender is told only if the datagram is for this host.
    pub in_passing: bool,
}

/// Gives up a datagram (`ip_expire()`); answers what its sender is to be told about, which is up to the
/// caller: an end host tells, a router does not.
pub fn expire(k: &mut Kernel, netns: NetnsId, key: Key) -> Option<Expired> {
    let dev = k.netns.get(netns)?.reassembly.queues.get(&key)?.dev;
    let mut queue = close(k, netns, key);
    count(k, netns, IpMib::ReasmFails);
    count(k, netns, IpMib::ReasmTimeout);
    let has_first = queue.has_first();
    let mut fragments = queue.drain();
    let first = if has_first { fragments.next().map(|fragment| fragment.skb) } else { None };
    for fragment in fragments {
        k.pool.give(fragment.skb);
    }
    Some(Expired { first, dev, in_passing: key.user.is_in_passing() })
}
