//! `CONNMARK`: sets the mark of the packet's connection, or copies marks between the two
//! (`libxt_CONNMARK` revision 2, `xt_connmark`).

use std::fmt::Write as _;

use crate::errno::Errno;
use crate::family::AddressFamily;
use crate::kernel::{Flight, Kernel};
use crate::netfilter::conntrack::event::Event;
use crate::netfilter::conntrack::{Conn, CtRef};
use crate::netfilter::xtables::extension::{
    Context, Extension, Given, Kind, Opt, Place, Problem, Style,
};
use crate::netfilter::xtables::packet::Seen;
use crate::netfilter::xtables::targets::mark::Change;
use crate::netfilter::xtables::targets::{Sentence, TargetExtension, TargetState, u32_of};
use crate::trace::Observer;

/// What is done (`mode`).
#[derive(Clone, Copy, Debug, PartialEq)]
enum Mode {
    /// The connection's mark changes.
    Set,
    /// The packet's mark goes into the connection's.
    Save,
    /// The connection's mark goes into the packet's.
    Restore,
}

/// By how many bits what is copied or set moves.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Shift {
    Left(u32),
    Right(u32),
}

impl Shift {
    /// The moved bits. The kernel admits no shift that loses all of them.
    fn apply(self, mark: u32) -> u32 {
        match self {
            Self::Left(bits) => mark.checked_shl(bits).unwrap_or(0),
            Self::Right(bits) => mark.checked_shr(bits).unwrap_or(0),
        }
    }

    /// The option and its number.
    const fn parts(self) -> (&'static str, u32) {
        match self {
            Self::Left(bits) => ("left-shift-mark", bits),
            Self::Right(bits) => ("right-shift-mark", bits),
        }
    }
}

/// What is done to which bits.
#[derive(Clone, Debug, PartialEq)]
pub struct Connmark {
    mode: Mode,
    ctmark: u32,
    ctmask: u32,
    nfmask: u32,
    shift: Shift,
}

const OPERATIONS: &[&str] =
    &["set-mark", "save-mark", "restore-mark", "and-mark", "or-mark", "xor-mark", "set-xmark"];
/// The bits of [`OPERATIONS`], which are the first options.
const ANY_OPERATION: u64 = (1 << OPERATIONS.len()) - 1;
const ANY_U32: Kind = Kind::U32(0, u32::MAX);

impl Extension for Connmark {
    const NAME: &'static str = "CONNMARK";
    const OPTIONS: &'static [Opt] = &[
        Opt::new("set-xmark", Kind::MarkMask).excluding(OPERATIONS),
        Opt::new("set-mark", Kind::MarkMask).excluding(OPERATIONS),
        Opt::new("and-mark", ANY_U32).excluding(OPERATIONS),
        Opt::new("or-mark", ANY_U32).excluding(OPERATIONS),
        Opt::new("xor-mark", ANY_U32).excluding(OPERATIONS),
        Opt::new("save-mark", Kind::None).excluding(OPERATIONS),
        Opt::new("restore-mark", Kind::None).excluding(OPERATIONS),
        Opt::new("left-shift-mark", Kind::U8(0, 32)),
        Opt::new("right-shift-mark", Kind::U8(0, 32)),
        Opt::new("ctmask", ANY_U32).excluding(&["mask"]),
        Opt::new("nfmask", ANY_U32).excluding(&["mask"]),
        Opt::new("mask", ANY_U32).excluding(&["ctmask", "nfmask"]),
    ];
    const HELP: &'static str = include_str!("help/connmark.txt");

    fn new(_: AddressFamily) -> Self {
        Self {
            mode: Mode::Set,
            ctmark: 0,
            ctmask: u32::MAX,
            nfmask: u32::MAX,
            shift: Shift::Left(0),
        }
    }

    fn parse(&mut self, given: &Given<'_>, _: &Context<'_>) -> Result<(), Problem> {
        let number = u32_of(given);
        match given.name {
            "save-mark" => self.mode = Mode::Save,
            "restore-mark" => self.mode = Mode::Restore,
            "left-shift-mark" => self.shift = Shift::Left(number),
            "right-shift-mark" => self.shift = Shift::Right(number),
            "ctmask" => self.ctmask = number,
            "nfmask" => self.nfmask = number,
            "mask" => (self.ctmask, self.nfmask) = (number, number),
            _ => {
                let Change { value, mask } = Change::read(given).unwrap_or_default();
                (self.mode, self.ctmark, self.ctmask) = (Mode::Set, value, mask);
            }
        }
        Ok(())
    }

    fn check(&mut self, seen: u64, _: &Context<'_>) -> Result<(), Problem> {
        if seen & ANY_OPERATION == 0 {
            return Err(Problem::parameter("CONNMARK target: No operation specified"));
        }
        Ok(())
    }

    fn save(&self, _: Style, out: &mut String) {
        let Self { nfmask, ctmask, .. } = self;
        match self.mode {
            Mode::Set => self.change().save(out),
            Mode::Save => {
                write!(out, " --save-mark --nfmask 0x{nfmask:x} --ctmask 0x{ctmask:x}")
                    .expect("a string takes everything");
            }
            Mode::Restore => {
                write!(out, " --restore-mark --nfmask 0x{nfmask:x} --ctmask 0x{ctmask:x}")
                    .expect("a string takes everything");
            }
        }
        self.write_shift(" --", out);
    }

    fn print(&self, _: Style, out: &mut String) {
        let Self { nfmask, ctmask, .. } = self;
        out.push_str(" CONNMARK ");
        let written = match self.mode {
            Mode::Set => {
                self.change().print(out);
                Ok(())
            }
            Mode::Save => match (*nfmask, *ctmask) {
                (u32::MAX, u32::MAX) => write!(out, "save"),
                (nf, ct) if nf == ct => write!(out, "save mask 0x{nf:x}"),
                (nf, ct) => write!(out, "save nfmask 0x{nf:x} ctmask ~0x{ct:x}"),
            },
            Mode::Restore => match (*ctmask, *nfmask) {
                (u32::MAX, u32::MAX) => write!(out, "restore"),
                (ct, nf) if ct == nf => write!(out, "restore mask 0x{ct:x}"),
                (ct, nf) => write!(out, "restore ctmask 0x{ct:x} nfmask ~0x{nf:x}"),
            },
        };
        written.expect("a string takes everything");
        self.write_shift(" ", out);
    }
}

impl Connmark {
    /// What is done to the connection's mark.
    const fn change(&self) -> Change {
        Change { value: self.ctmark, mask: self.ctmask }
    }

    fn write_shift(&self, before: &str, out: &mut String) {
        let (option, bits) = self.shift.parts();
        if bits != 0 {
            write!(out, "{before}{option} {bits}").expect("a string takes everything");
        }
    }

    /// Gives the connection the mark that this makes of its own and the packet's.
    fn store(&self, conn: &mut Conn, packet: u32) {
        let new = if self.mode == Mode::Set {
            self.shift.apply(self.change().apply(conn.mark))
        } else {
            (conn.mark & !self.ctmask) ^ self.shift.apply(packet & self.nfmask)
        };
        if conn.mark != new {
            conn.mark = new;
            conn.note(Event::Mark);
        }
    }

    /// The packet's mark after the connection's was copied into it.
    fn restored(&self, packet: u32, conn: u32) -> u32 {
        (packet & !self.nfmask) ^ self.shift.apply(conn & self.ctmask)
    }
}

impl TargetExtension for Connmark {
    fn needs_conntrack(&self) -> bool {
        true
    }

    fn admit(&self, _: &Place<'_>) -> Result<(), Errno> {
        let (_, bits) = self.shift.parts();
        if bits < u32::BITS { Ok(()) } else { Err(Errno::EINVAL) }
    }

    fn apply<O: Observer>(
        &self,
        k: &mut Kernel,
        f: &mut Flight,
        _: &Seen,
        _: &mut TargetState,
        _: &mut O,
    ) -> Sentence {
        let packet = f.skb.meta.mark;
        let conns = &mut k.netns[f.netns].nf.conntrack.conns;
        let conn = match f.ct {
            CtRef::Tracked(id, _) => conns.get_mut(id),
            // The template is a connection too, whose mark nobody ever set.
            CtRef::Template(_) if self.mode == Mode::Restore => {
                f.skb.meta.mark = self.restored(packet, 0);
                None
            }
            CtRef::Template(_) | CtRef::None | CtRef::Answer | CtRef::Untracked => None,
        };
        let Some(conn) = conn else { return Sentence::Continue };
        match self.mode {
            Mode::Set | Mode::Save => self.store(conn, packet),
            Mode::Restore => f.skb.meta.mark = self.restored(packet, conn.mark),
        }
        Sentence::Continue
    }
}
