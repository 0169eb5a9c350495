//! `NFQUEUE`: a program decides (`libxt_NFQUEUE` revision 3, `xt_NFQUEUE`).

use std::fmt::Write as _;

use crate::errno::Errno;
use crate::family::AddressFamily;
use crate::kernel::{Flight, Kernel};
use crate::netfilter::nat::jhash::jhash2;
use crate::netfilter::xtables::extension::{
    Context, Extension, Given, Kind, Opt, Place, Problem, Style,
};
use crate::netfilter::xtables::packet::Seen;
use crate::netfilter::xtables::targets::{Sentence, TargetExtension, TargetState};
use crate::packet::Ipv4;
use crate::trace::Observer;

/// Sends packets to a queue.
#[derive(Clone, Debug, PartialEq)]
pub struct NfQueue {
    queue: Queue,
    bypass: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Queue {
    /// The one with this number.
    One(u16),
    /// One of several, from the first to the last.
    OneOf {
        first: u16,
        last: u16,
        /// Each CPU has a queue of its own; otherwise each pair of hosts has.
        by_cpu: bool,
    },
}

const NUM: usize = 0;
const BALANCE: usize = 1;
const BYPASS: usize = 2;

impl Queue {
    /// How many there are, in the kernel's 16 bits.
    const fn count(self) -> u16 {
        match self {
            Self::One(_) => 1,
            Self::OneOf { first, last, .. } => last.wrapping_sub(first).wrapping_add(1),
        }
    }

    /// The queue of a packet between these hosts. That is the same in both directions (`nfqueue_hash()`); it follows
    /// from a key, which Linux draws when it boots.
    fn of_packet(self, k: &Kernel, f: &Flight) -> u16 {
        match self {
            Self::One(number) => number,
            // There is one CPU.
            Self::OneOf { first, by_cpu: true, .. } => first,
            Self::OneOf { first, .. } => {
                let Ok(ip) = Ipv4::parse(f.skb.network_header()) else { return first };
                let word = |addr: std::net::Ipv4Addr| u32::from_le_bytes(addr.octets());
                let (low, high) =
                    (word(ip.src()).min(word(ip.dst())), word(ip.src()).max(word(ip.dst())));
                let key = u32::try_from(k.flow_hash_key[0] & u64::from(u32::MAX));
                let hash = jhash2(&[low, high, ip.proto().0.into()], key.expect("32 bits"));
                let scaled = (u64::from(hash) * u64::from(self.count())) >> 32;
                first.wrapping_add(u16::try_from(scaled).expect("less than the count"))
            }
        }
    }
}

impl Extension for NfQueue {
    const NAME: &'static str = "NFQUEUE";
    const OPTIONS: &'static [Opt] = &[
        Opt::new("queue-num", Kind::U16(0, u16::MAX)).excluding(&["queue-balance"]),
        Opt::new("queue-balance", Kind::U16Range),
        Opt::new("queue-bypass", Kind::None),
        Opt::new("queue-cpu-fanout", Kind::None).requiring(&["queue-balance"]),
    ];
    const HELP: &'static str = "NFQUEUE target options
  --queue-num value            Send packet to QUEUE number <value>.
                               Valid queue numbers are 0-65535
  --queue-balance first:last   Balance flows between queues <value> to <value>.
  --queue-bypass               Bypass Queueing if no queue instance exists.
  --queue-cpu-fanout\tUse current CPU (no hashing)
";

    fn new(_: AddressFamily) -> Self {
        Self { queue: Queue::One(0), bypass: false }
    }

    fn parse(&mut self, given: &Given<'_>, _: &Context<'_>) -> Result<(), Problem> {
        let (first, last) = given.value.range();
        let number = |n: u64| u16::try_from(n).unwrap_or(u16::MAX);
        let (first, last) = (number(first), number(last));
        match given.index {
            NUM => self.queue = Queue::One(first),
            BALANCE if !given.word.contains(':') => {
                return Err(Problem::Parameter(format!("Bad range \"{}\"", given.word)));
            }
            BALANCE if first >= last => {
                let text = format!("{first} should be less than {last}");
                return Err(Problem::Parameter(text));
            }
            BALANCE => {
                let by_cpu = matches!(self.queue, Queue::OneOf { by_cpu: true, .. });
                self.queue = Queue::OneOf { first, last, by_cpu };
            }
            BYPASS => self.bypass = true,
            _ => {
                let (first, last) = match self.queue {
                    Queue::One(number) => (number, number),
                    Queue::OneOf { first, last, .. } => (first, last),
                };
                self.queue = Queue::OneOf { first, last, by_cpu: true };
            }
        }
        Ok(())
    }

    fn save(&self, _: Style, out: &mut String) {
        self.write(["--queue-num", "--queue-balance", "--queue-bypass", "--queue-cpu-fanout"], out);
    }

    fn print(&self, _: Style, out: &mut String) {
        out.push_str(" NFQUEUE");
        self.write(["num", "balance", "bypass", "cpu-fanout"], out);
    }
}

impl NfQueue {
    fn write(&self, words: [&str; 4], out: &mut String) {
        let [num, balance, bypass, by_cpu] = words;
        let written = match self.queue {
            Queue::One(number) => write!(out, " {num} {number}"),
            Queue::OneOf { first, last, .. } => write!(out, " {balance} {first}:{last}"),
        };
        written.expect("a string takes everything");
        if self.bypass {
            write!(out, " {bypass}").expect("a string takes everything");
        }
        if matches!(self.queue, Queue::OneOf { by_cpu: true, .. }) {
            write!(out, " {by_cpu}").expect("a string takes everything");
        }
    }
}

impl TargetExtension for NfQueue {
    fn admit(&self, _: &Place<'_>) -> Result<(), Errno> {
        if self.queue.count() == 0 { Err(Errno::EINVAL) } else { Ok(()) }
    }

    fn apply<O: Observer>(
        &self,
        k: &mut Kernel,
        f: &mut Flight,
        _: &Seen,
        _: &mut TargetState,
        _: &mut O,
    ) -> Sentence {
        Sentence::Queue { number: self.queue.of_packet(k, f), bypass: self.bypass }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Place as FlightPlace;
    use crate::netfilter::Hook;

    #[test]
    fn both_directions_of_a_flow_get_one_queue_and_many_flows_get_all_of_them() {
        let mut k = Kernel::new(1);
        let netns = k.add_netns();
        let dev = k.netns[netns].lo;
        let queues = Queue::OneOf { first: 4, last: 6, by_cpu: false };
        let mut of = |src: [u8; 4], dst: [u8; 4]| {
            let mut skb = k.skb();
            let mut header = [0; 20];
            (header[0], header[3], header[9]) = (0x45, 20, 17);
            header[12..16].copy_from_slice(&src);
            header[16..].copy_from_slice(&dst);
            skb.put(&header);
            skb.reset_network_header();
            let flow = k.new_flow();
            let f = Flight::new(skb, FlightPlace::Hook(Hook::Forward), netns, dev, flow);
            queues.of_packet(&k, &f)
        };
        let mut met = [0; 3];
        for host in 0..=255 {
            let queue = of([10, 0, 0, host], [10, 0, 1, 1]);
            assert_eq!(of([10, 0, 1, 1], [10, 0, 0, host]), queue);
            met[usize::from(queue - 4)] += 1;
        }
        assert!(met.iter().all(|count| *count > 0), "{met:?}");
    }
}
