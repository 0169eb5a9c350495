//! `TCPMSS` of IPv6 (`libxt_TCPMSS`, `xt_TCPMSS`).

use crate::errno::Errno;
use crate::family::AddressFamily;
use crate::kernel::{Flight, Kernel};
use crate::netfilter::xtables::extension::{Context, Extension, Given, Opt, Place, Problem, Style};
use crate::netfilter::xtables::packet::Seen;
use crate::netfilter::xtables::targets::tcpmss::{Limit, options};
use crate::netfilter::xtables::targets::{Sentence, TargetExtension, TargetState};
use crate::packet::IpProto;
use crate::trace::Observer;

/// The IPv6 header, in bytes, which no segment may push out of a packet.
const IP_HEADER: u16 = 40;

/// The limit.
#[derive(Clone, Debug, PartialEq)]
pub struct Tcpmss6(Limit);

impl Extension for Tcpmss6 {
    const NAME: &'static str = "TCPMSS";
    const OPTIONS: &'static [Opt] = &options(u16::MAX - IP_HEADER);
    const HELP: &'static str = include_str!("help/tcpmss6.txt");
    const FAMILIES: &'static [AddressFamily] = &[AddressFamily::Inet6];

    fn new(_: AddressFamily) -> Self {
        Self(Limit::Fixed(0))
    }

    fn parse(&mut self, given: &Given<'_>, _: &Context<'_>) -> Result<(), Problem> {
        self.0 = Limit::read(given);
        Ok(())
    }

    fn check(&mut self, seen: u64, _: &Context<'_>) -> Result<(), Problem> {
        Limit::check(seen)
    }

    fn save(&self, _: Style, out: &mut String) {
        self.0.save(out);
    }

    fn print(&self, _: Style, out: &mut String) {
        self.0.print(out);
    }
}

impl TargetExtension for Tcpmss6 {
    const PROTO: Option<IpProto> = Some(IpProto::TCP);

    fn admit(&self, place: &Place<'_>) -> Result<(), Errno> {
        self.0.admit(place)
    }

    /// No IPv6 packet meets a rule, so there is no segment to change.
    fn apply<O: Observer>(
        &self,
        _: &mut Kernel,
        _: &mut Flight,
        _: &Seen,
        _: &mut TargetState,
        _: &mut O,
    ) -> Sentence {
        Sentence::Continue
    }
}
