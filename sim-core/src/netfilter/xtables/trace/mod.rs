//! What tables tell about packets that are traced (target `TRACE`): lines of the kernel's log for `ip_tables`
//! (`trace_packet()`), and what `xtables-monitor --trace` prints for `nf_tables` (`nft_trace_notify()`).

#[cfg(test)]
mod tests;

use std::fmt::Write as _;
use std::net::Ipv4Addr;

use crate::id::{DevId, Id as _};
use crate::kernel::{Flight, Kernel};
use crate::netfilter::log::{self, Details};
use crate::netfilter::xtables::packet::Seen;
use crate::netfilter::xtables::rule::{Action, ChainId, TableName};
use crate::netfilter::xtables::table::{Chain, Policy, Ruleset};
use crate::netfilter::xtables::targets::Sentence;
use crate::netns::stack;
use crate::packet::ethernet::ETH_HLEN;
use crate::packet::ipv4::{IP_DF, IP_MF, IP_OFFSET, IPV4_HLEN};
use crate::packet::tcp::TCP_HLEN;
use crate::packet::{IpProto, TcpFlags};
use crate::trace::{Event, Met, Observer, Traced};

/// Where a traced packet is.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The table.
    pub table: TableName,
    /// The chain.
    pub chain: &'a Chain,
    /// The rule that matches, counted from 0; the length of the chain at its end.
    pub rule: usize,
}

impl Place<'_> {
    /// What the packet meets there.
    fn met(&self) -> Met {
        if self.rule < self.chain.rules.len() {
            Met::Rule
        } else if self.chain.base.is_some() {
            Met::Policy
        } else {
            Met::Return
        }
    }

    /// What `ip_tables` calls it. An unconditional rule with a verdict looks like the end of its chain.
    fn met_by_legacy(&self) -> Met {
        let is_final = self.chain.rules.get(self.rule).is_some_and(|rule| rule.is_final());
        match (is_final, self.chain.base.is_some()) {
            (true, true) => Met::Policy,
            (true, false) => Met::Return,
            (false, _) => self.met(),
        }
    }
}

/// Tells, for a table of `ip_tables`, that the packet has matched a rule, whose target is yet to come, or has
/// reached the end of a chain.
pub fn legacy<O: Observer>(k: &Kernel, f: &Flight, seen: &Seen, place: &Place<'_>, o: &mut O) {
    if !O::ENABLED || !f.skb.meta.nf_trace {
        return;
    }
    let (table, chain, rule) = (place.table.name(), &*place.chain.name, place.rule + 1);
    let met = place.met_by_legacy();
    let prefix = format!("TRACE: {table}:{chain}:{}:{rule} ", met.name());
    let mut text = log::line(k, f, seen, Details::DEFAULT, &prefix);
    text.push('\n');
    let traced = Traced { table, chain, met, rule, verdict: "", text: &text };
    stack::emit(k, f, o, |_| Event::Traced(traced));
}

/// Tells, for a table of `nf_tables`, what a rule has decided, or the policy at the end of a base chain. Of the
/// ends of other chains nothing is told. `is_first` says that nothing was told yet since the hook called the table;
/// `rule` is the rule's handle, and the words that make it again, from `-A` on.
#[expect(clippy::too_many_arguments, reason = "they are what the event holds")]
pub fn nft<O: Observer>(
    k: &Kernel,
    f: &Flight,
    seen: &Seen,
    place: &Place<'_>,
    verdict: &str,
    is_first: bool,
    rule: (u64, &str),
    o: &mut O,
) {
    let met = place.met();
    if !O::ENABLED || !f.skb.meta.nf_trace || met == Met::Return {
        return;
    }
    let (table, chain, id) = (place.table.name(), &*place.chain.name, id(f, seen));
    let mut text = String::new();
    let written = if met == Met::Policy {
        writeln!(text, " TRACE: 2 {id:08x} {table}:{chain}:policy:{verdict} ")
    } else {
        if is_first {
            text.push_str(&packet(k, f, seen));
        }
        let (handle, words) = rule;
        let start = format_args!(" TRACE: 2 {id:08x} {table}:{chain}:rule:0x{handle:x}");
        writeln!(text, "{start}:{verdict}  -4 -t {table} {words}")
    };
    written.expect("a string takes everything");
    let traced = Traced { table, chain, met, rule: place.rule + 1, verdict, text: &text };
    stack::emit(k, f, o, |_| Event::Traced(traced));
}

/// What a rule of `nf_tables` decides, in the words of `xtables-monitor`. `sentence` is what its target has said, if
/// it has one.
#[must_use]
pub fn verdict(rules: &Ruleset, action: &Action, sentence: Sentence) -> String {
    /// `NFT_RETURN`, for which there is no word.
    const RETURN: i32 = -5;
    let name = |id: ChainId| rules.chain(id).map_or("", |chain| &chain.name);
    match action {
        Action::None => "CONTINUE".to_owned(),
        Action::Accept => "ACCEPT".to_owned(),
        Action::Drop => "DROP".to_owned(),
        Action::Return => format!("0x{RETURN:x}"),
        Action::Jump(chain) => format!("JUMP:{}", name(*chain)),
        Action::Goto(chain) => format!("GOTO:{}", name(*chain)),
        Action::Target(_) => match sentence {
            Sentence::Continue => "CONTINUE".to_owned(),
            Sentence::Accept => "ACCEPT".to_owned(),
            Sentence::Drop(_) => "DROP".to_owned(),
            Sentence::Queue { number: 0, bypass: false } => "QUEUE".to_owned(),
            // The code of the verdict has the number in it, and the wish to pass.
            Sentence::Queue { number, bypass } => {
                format!("0x{:x}", u32::from(number) << 16 | u32::from(bypass) << 15 | 3)
            }
        },
    }
}

/// What a policy decides.
#[must_use]
pub const fn policy(policy: Policy) -> &'static str {
    match policy {
        Policy::Accept => "ACCEPT",
        Policy::Drop => "DROP",
    }
}

/// By which number a packet is known. The kernel makes it of an address in memory, which nobody can foresee, and
/// of the device that the packet came in by: over `lo` a packet gets another one.
fn id(f: &Flight, seen: &Seen) -> u32 {
    let device = seen.iif.map_or(0, |dev| dev.index().wrapping_add(1));
    f.flow.0.wrapping_mul(0x9e37_79b1) ^ device.wrapping_mul(0x85eb_ca6b)
}

/// The line that shows the packet (`trace_print_packet()`).
#[must_use]
pub fn packet(k: &Kernel, f: &Flight, seen: &Seen) -> String {
    let name = |dev: DevId| k.devs.get(dev).map(|dev| dev.name.to_string());
    let mut out = format!("PACKET: 2 {:08x} ", id(f, seen));
    for (side, dev) in [("IN", seen.iif), ("OUT", seen.oif)] {
        if let Some(name) = dev.and_then(name) {
            write!(out, "{side}={name} ").expect("a string takes everything");
        }
    }
    link_header(&mut out, k, f, seen);
    network_header(&mut out, f.skb.network_header());
    transport_header(&mut out, f.skb.network_header(), seen);
    if f.skb.meta.mark != 0 {
        write!(out, "MARK=0x{:x} ", f.skb.meta.mark).expect("a string takes everything");
    }
    out.push('\n');
    out
}

/// The link header of a received packet.
fn link_header(out: &mut String, k: &Kernel, f: &Flight, seen: &Seen) {
    let Some(dev) = seen.iif.and_then(|dev| k.devs.get(dev)) else { return };
    if dev.is_loopback() {
        out.push_str("LOOPBACK ");
    } else if let Some(header) = f.skb.mac_header().first_chunk::<ETH_HLEN>()
        && dev.has_ethernet_header()
    {
        // `ether_ntoa(3)` leaves zeros out.
        let addr = |at: usize| {
            let [a, b, c, d, e, g] = [0, 1, 2, 3, 4, 5].map(|n| header[at + n]);
            format!("{a:x}:{b:x}:{c:x}:{d:x}:{e:x}:{g:x}")
        };
        let (from, to) = (addr(6), addr(0));
        let proto = u16::from_be_bytes([header[12], header[13]]);
        write!(out, "MACSRC={from} MACDST={to} MACPROTO={proto:04x} ")
            .expect("a string takes everything");
    }
}

fn network_header(out: &mut String, bytes: &[u8]) {
    /// The flag that nobody may set.
    const IP_CE: u16 = 0x8000;
    let Some(header) = bytes.first_chunk::<IPV4_HLEN>() else { return };
    let word = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
    let addr =
        |at: usize| Ipv4Addr::new(header[at], header[at + 1], header[at + 2], header[at + 3]);
    let (len, id, tos, ttl) = (word(2), word(4), header[1], header[8]);
    let (src, dst) = (addr(12), addr(16));
    write!(out, "SRC={src} DST={dst} LEN={len} TOS=0x{tos:x} TTL={ttl} ID={id} ")
        .expect("a string takes everything");
    let frag = word(6);
    for (flag, name) in [(IP_CE, "CE "), (IP_DF, "DF "), (IP_MF, "MF ")] {
        if frag & flag != 0 {
            out.push_str(name);
        }
    }
    if frag & IP_OFFSET != 0 {
        write!(out, "FRAG:{} ", frag & IP_OFFSET).expect("a string takes everything");
    }
    let header_len = usize::from(header[0] & 0x0f) * 4;
    if header_len > IPV4_HLEN {
        out.push_str("OPT (");
        for byte in bytes.get(IPV4_HLEN..header_len).unwrap_or_default() {
            // The tool takes bytes for signed numbers.
            let sign = if byte & 0x80 == 0 { "" } else { "FFFFFF" };
            write!(out, "{sign}{byte:02X}").expect("a string takes everything");
        }
        out.push_str(") ");
    }
}

/// The ports, which are also read where another fragment has other data.
fn transport_header(out: &mut String, bytes: &[u8], seen: &Seen) {
    const FLAGS: &[(TcpFlags, &str)] = &[
        (TcpFlags::SYN, "SYN "),
        (TcpFlags::ACK, "ACK "),
        (TcpFlags::FIN, "FIN "),
        (TcpFlags::RST, "RST "),
        (TcpFlags::PSH, "PSH "),
        (TcpFlags::URG, "URG "),
    ];
    let bytes = bytes.get(seen.header_len..).unwrap_or_default();
    let Some(&[s0, s1, d0, d1]) = bytes.first_chunk() else { return };
    let ports =
        format!("SPORT={} DPORT={} ", u16::from_be_bytes([s0, s1]), u16::from_be_bytes([d0, d1]));
    match IpProto(seen.proto) {
        IpProto::DCCP | IpProto::SCTP | IpProto::UDPLITE | IpProto::UDP => out.push_str(&ports),
        IpProto::TCP if bytes.len() >= TCP_HLEN => {
            out.push_str(&ports);
            for (_, name) in FLAGS.iter().filter(|(flag, _)| bytes[13] & flag.0 != 0) {
                out.push_str(name);
            }
        }
        _ => {}
    }
}
