//! `NFQUEUE`: a program decides (`libxt_NFQUEUE` revision 3, `xt_NFQUEUE`).

use std::fmt::Write as _;

use crate::family::AddressFamily;
use crate::kernel::{Flight, Kernel};
use crate::netfilter::xtables::extension::{
    Context, Extension, Given, Kind, Opt, Problem, Style, Value,
};
use crate::netfilter::xtables::packet::Seen;
use crate::netfilter::xtables::targets::{Sentence, TargetExtension, TargetState};
use crate::trace::Observer;

/// Sends packets to a queue.
#[derive(Clone, Debug, PartialEq)]
pub struct NfQueue {
    number: u16,
    bypass: bool,
}

impl Extension for NfQueue {
    const NAME: &'static str = "NFQUEUE";
    const OPTIONS: &'static [Opt] = &[
        Opt::new("queue-num", Kind::U16(0, u16::MAX)).excluding(&["queue-balance"]),
        Opt::new("queue-balance", Kind::Free),
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
        Self { number: 0, bypass: false }
    }

    fn parse(&mut self, given: &Given<'_>, _: &Context<'_>) -> Result<(), Problem> {
        match (given.name, &given.value) {
            ("queue-num", Value::Number(number)) => {
                self.number = u16::try_from(*number).unwrap_or(u16::MAX);
            }
            ("queue-bypass", _) => self.bypass = true,
            // Which queue a flow gets follows from a key that Linux draws when it boots.
            _ => return Err(Problem::NotModelled(format!("NFQUEUE --{}", given.name))),
        }
        Ok(())
    }

    fn save(&self, _: Style, out: &mut String) {
        write!(out, " --queue-num {}", self.number).expect("a string takes everything");
        if self.bypass {
            out.push_str(" --queue-bypass");
        }
    }

    fn print(&self, _: Style, out: &mut String) {
        write!(out, " NFQUEUE num {}", self.number).expect("a string takes everything");
        if self.bypass {
            out.push_str(" bypass");
        }
    }
}

impl TargetExtension for NfQueue {
    fn apply<O: Observer>(
        &self,
        _: &mut Kernel,
        _: &mut Flight,
        _: &Seen,
        _: &mut TargetState,
        _: &mut O,
    ) -> Sentence {
        Sentence::Queue { number: self.number, bypass: self.bypass }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As iptables 1.8.9 printed them.
    #[test]
    fn a_queue_is_written_with_its_number_even_where_that_is_0() {
        let style = Style { family: AddressFamily::Inet, numeric: true };
        for (number, bypass, saved, listed) in [
            (0, false, " --queue-num 0", " NFQUEUE num 0"),
            (5, true, " --queue-num 5 --queue-bypass", " NFQUEUE num 5 bypass"),
        ] {
            let target = NfQueue { number, bypass };
            let (mut save, mut print) = (String::new(), String::new());
            target.save(style, &mut save);
            target.print(style, &mut print);
            assert_eq!((save.as_str(), print.as_str()), (saved, listed));
        }
    }
}
