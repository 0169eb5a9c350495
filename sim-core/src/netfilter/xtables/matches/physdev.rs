//! `physdev`: the bridge ports of a packet (`libxt_physdev`, `xt_physdev`).

use std::fmt::Write as _;

use crate::errno::Errno;
use crate::family::AddressFamily;
use crate::id::DevId;
use crate::kernel::{Flight, Kernel};
use crate::netfilter::Hook;
use crate::netfilter::xtables::extension::{
    Context, Extension, Given, Kind, Opt, Place, Problem, Style,
};
use crate::netfilter::xtables::matches::{MatchExtension, MatchState, Matched};
use crate::netfilter::xtables::packet::Seen;

/// The name of a port, or how it begins.
#[derive(Clone, Debug, PartialEq)]
struct Port {
    /// As it was written: with a plus sign at its end it is only the beginning of a name.
    written: Box<str>,
    invert: bool,
}

/// What is asked of a packet's bridge ports. Each answer may also be asked to be no.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Physdev {
    port_in: Option<Port>,
    port_out: Option<Port>,
    is_in: Option<bool>,
    is_out: Option<bool>,
    is_bridged: Option<bool>,
}

/// The longest name of a device, in bytes (`IFNAMSIZ - 1`).
const MAX_NAME: usize = 15;

const PHYSDEV_IN: usize = 0;
const PHYSDEV_OUT: usize = 1;
const PHYSDEV_IS_IN: usize = 2;
const PHYSDEV_IS_OUT: usize = 3;

impl Port {
    fn read(given: &Given<'_>) -> Result<Self, Problem> {
        if given.word.len() > MAX_NAME {
            return Err(Problem::Parameter(format!(
                "interface name `{}' must be shorter than IFNAMSIZ ({MAX_NAME})",
                given.word
            )));
        }
        Ok(Self { written: given.word.into(), invert: given.invert })
    }

    fn remark(&self) -> Option<String> {
        self.written.contains(['/', ' ']).then(|| {
            format!(
                "Warning: weird character in interface `{}' ('/' and ' ' are not allowed by the kernel).\n",
                self.written
            )
        })
    }

    fn matches(&self, k: &Kernel, dev: DevId) -> bool {
        let Some(dev) = k.devs.get(dev) else { return self.invert };
        let equal = match self.written.strip_suffix('+') {
            Some(begin) => dev.name.as_str().starts_with(begin),
            None => self.written.is_empty() || *self.written == *dev.name.as_str(),
        };
        equal != self.invert
    }

    fn write(&self, option: &str, out: &mut String) {
        let not = if self.invert { " !" } else { "" };
        write!(out, "{not} --{option} {}", self.written).expect("a string");
    }
}

impl Physdev {
    fn write(&self, out: &mut String) {
        let flag = |wanted: Option<bool>, option: &str, out: &mut String| {
            if let Some(wanted) = wanted {
                let not = if wanted { "" } else { " !" };
                write!(out, "{not} --{option}").expect("a string");
            }
        };
        flag(self.is_in, "physdev-is-in", out);
        if let Some(port) = &self.port_in {
            port.write("physdev-in", out);
        }
        flag(self.is_out, "physdev-is-out", out);
        if let Some(port) = &self.port_out {
            port.write("physdev-out", out);
        }
        flag(self.is_bridged, "physdev-is-bridged", out);
    }

    /// Whether a packet that has met no bridge is one of those that are asked for.
    fn wants_unbridged(&self) -> bool {
        let no = |wanted: Option<bool>| wanted != Some(true);
        let others = |port: &Option<Port>| port.as_ref().is_none_or(|port| port.invert);
        no(self.is_in)
            && no(self.is_out)
            && no(self.is_bridged)
            && others(&self.port_in)
            && others(&self.port_out)
    }
}

impl Extension for Physdev {
    const NAME: &'static str = "physdev";
    const OPTIONS: &'static [Opt] = &[
        Opt::new("physdev-in", Kind::Text(0, 0)).invertible(),
        Opt::new("physdev-out", Kind::Text(0, 0)).invertible(),
        Opt::new("physdev-is-in", Kind::None).invertible(),
        Opt::new("physdev-is-out", Kind::None).invertible(),
        Opt::new("physdev-is-bridged", Kind::None).invertible(),
    ];
    const HELP: &'static str = include_str!("help/physdev.txt");

    fn new(_: AddressFamily) -> Self {
        Self::default()
    }

    fn parse(&mut self, given: &Given<'_>, _: &Context<'_>) -> Result<(), Problem> {
        let wanted = Some(!given.invert);
        match given.index {
            PHYSDEV_IN => self.port_in = Some(Port::read(given)?),
            PHYSDEV_OUT => self.port_out = Some(Port::read(given)?),
            PHYSDEV_IS_IN => self.is_in = wanted,
            PHYSDEV_IS_OUT => self.is_out = wanted,
            _ => self.is_bridged = wanted,
        }
        Ok(())
    }

    fn check(&mut self, seen: u64, _: &Context<'_>) -> Result<(), Problem> {
        if seen == 0 {
            return Err(Problem::parameter("PHYSDEV: no physdev option specified"));
        }
        Ok(())
    }

    fn save(&self, _: Style, out: &mut String) {
        self.write(out);
    }

    fn print(&self, _: Style, out: &mut String) {
        out.push_str(" PHYSDEV match");
        self.write(out);
    }
}

impl MatchExtension for Physdev {
    fn admit(&self, place: &Place<'_>) -> Result<(), Errno> {
        // What this host sends has no port yet, unless it is bridged traffic alone that is asked for.
        let asks_out = self.port_out.is_some() || self.is_out.is_some();
        if asks_out && self.is_bridged != Some(true) && place.hooks.contains(&Hook::Output) {
            return Err(Errno::EINVAL);
        }
        Ok(())
    }

    fn remark(&self) -> Option<String> {
        let ports = [&self.port_in, &self.port_out];
        let remarks: String = ports.into_iter().flatten().filter_map(Port::remark).collect();
        (!remarks.is_empty()).then_some(remarks)
    }

    fn matches(&self, k: &mut Kernel, _: &Flight, seen: &Seen, _: &mut MatchState) -> Matched {
        let Seen { physin, physout, .. } = *seen;
        if physin.is_none() && physout.is_none() {
            return self.wants_unbridged().into();
        }
        let is = |wanted: Option<bool>, is: bool| wanted.is_none_or(|wanted| wanted == is);
        // A port that is not known is any port on the way in, and none on the way out.
        let from = self.port_in.as_ref().zip(physin).is_none_or(|(port, dev)| port.matches(k, dev));
        let to = match (&self.port_out, physout) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(port), Some(dev)) => port.matches(k, dev),
        };
        let matched = is(self.is_bridged, physout.is_some())
            && is(self.is_in, physin.is_some())
            && is(self.is_out, physout.is_some())
            && from
            && to;
        matched.into()
    }
}
