//! `iptables`, `iptables-save` and `iptables-restore`, as in iptables 1.8.9, with both engines and for both families.

mod address;
mod commit;
mod ending;
mod known;
mod list;
mod names;
mod options;
mod parse;
mod parsed;
mod rename;
mod restore;
mod run;
mod save;
mod split;
mod words;
mod work;

use std::fmt::Write as _;

use crate::family::AddressFamily;
use crate::netfilter::xtables::table::{Table, Variant};
use crate::tools::Call;
use crate::tools::failure::Result;
use crate::tools::input::{Input, Piece};
use crate::tools::session::{Session, once};
use crate::world::{Poll, Program, Sys};

use ending::Speaker;
use restore::Options;
use work::Work;

/// Which of the programs it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Which {
    /// `iptables`.
    Tables,
    /// `iptables-save`.
    Save,
    /// `iptables-restore`.
    Restore,
}

/// Whose tables it works on.
#[derive(Clone, Copy, Debug)]
struct Flavour {
    variant: Variant,
    family: AddressFamily,
}

impl Flavour {
    /// The plain name of the tool.
    fn base(self) -> &'static str {
        match self.family {
            AddressFamily::Inet => "iptables",
            AddressFamily::Inet6 => "ip6tables",
        }
    }

    /// Whether a table is one of its own.
    fn owns(self, table: &Table) -> bool {
        table.variant == self.variant && table.family == self.family
    }
}

/// Writes to a string.
fn put(out: &mut String, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("a string takes everything");
}

/// Writes each of `lines` and a line feed.
fn put_lines<T: std::fmt::Display>(out: &mut String, lines: impl IntoIterator<Item = T>) {
    for line in lines {
        put(out, format_args!("{line}\n"));
    }
}

/// What a name stands for.
fn by_name(name: &str) -> (Flavour, Which) {
    let family = if name.starts_with("ip6") { AddressFamily::Inet6 } else { AddressFamily::Inet };
    let variant = if name.contains("-legacy") { Variant::Legacy } else { Variant::Nft };
    let which = if name.ends_with("-save") {
        Which::Save
    } else if name.ends_with("-restore") {
        Which::Restore
    } else {
        Which::Tables
    };
    (Flavour { variant, family }, which)
}

/// Starts the program that the call's name stands for.
pub(crate) fn start(call: Call) -> Box<dyn Program> {
    Box::new(Iptables { call, reading: None })
}

#[derive(Clone, Debug)]
struct Iptables {
    call: Call,
    reading: Option<Reading>,
}

/// The lines for `iptables-restore`.
#[derive(Clone, Debug)]
struct Reading {
    options: Options,
    input: Input,
    text: Vec<u8>,
}

impl Program for Iptables {
    fn poll(&mut self, sys: &mut Sys<'_>) -> Poll {
        let called = self
            .call
            .argv
            .first()
            .map_or("iptables", |name| name.rsplit('/').next().unwrap_or_default());
        let (flavour, which) = by_name(called);
        let words = self.call.args();
        match which {
            Which::Tables => once(sys, |session| tables(session, flavour, words)).1,
            Which::Save => once(sys, |session| save::run(session, flavour, called, words)).1,
            Which::Restore => {
                if self.reading.is_none() {
                    let read = |session: &mut Session<'_>| {
                        restore::read_options(session, flavour, called, words)
                    };
                    let (options, end) = once(sys, read);
                    let Some(options) = options else { return end };
                    let input = Input::new(options.file.as_deref().unwrap_or("-"));
                    self.reading = Some(Reading { options, input, text: Vec::new() });
                }
                let Some(reading) = &mut self.reading else { return Poll::Exit(1) };
                reading.go_on(sys, flavour, called)
            }
        }
    }

    fn boxed_clone(&self) -> Box<dyn Program> {
        Box::new(self.clone())
    }
}

impl Reading {
    fn go_on(&mut self, sys: &mut Sys<'_>, flavour: Flavour, called: &str) -> Poll {
        loop {
            match self.input.read(sys) {
                Piece::Data(bytes) => self.text.extend(bytes),
                Piece::Pending => return Poll::WaitUnbounded,
                Piece::End => break,
                Piece::Failed(why) => {
                    let name = self.input.name();
                    sys.stderr(format!("Can't open {name}: {why}\n"));
                    return Poll::Exit(1);
                }
            }
        }
        let text = String::from_utf8_lossy(&self.text).into_owned();
        let program = restore::program(flavour, called);
        let options = &self.options;
        once(sys, |session| restore::run(session, flavour, &program, options, &text)).1
    }
}

/// `iptables` itself.
fn tables(session: &mut Session<'_>, flavour: Flavour, words: &[String]) -> Result<()> {
    let speaker = Speaker { program: flavour.base(), variant: flavour.variant, line: None };
    let (parsed, stderr) = parse::read(speaker, flavour.family, words, None)?;
    session.stderr += &stderr;
    let order = work::order(speaker, flavour.variant, flavour.family, parsed)?;
    let world = &*session.world;
    let tables = &world.kernel.netns[session.netns].nf.tables;
    let mut work = Work::new(flavour.variant, flavour.family, tables);
    let done = run::run(&mut work, speaker, &order);
    let (batch, lines) = work.batch();
    let Work { out, err, .. } = work;
    session.stdout += &out;
    session.stderr += &err;
    if done.is_err() {
        let loads = batch.only_loads();
        commit::ended(speaker, commit::ask(session, speaker, loads, &lines))?;
        return commit::ended(speaker, done);
    }
    commit::ended(speaker, commit::ask(session, speaker, batch, &lines))
}
