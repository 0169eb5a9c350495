//! Tests of rules, which need no topology: a machine with rules, and packets with what has to become of each.
//!
//! `docs/rule-test.md` has the fields of a file.

mod lab;
mod schema;

use std::ops::Range;
use std::path::Path;
use std::time::Duration;

use ipnet::Ipv4Net;
use sim_core::link::DevName;

use super::packet::Packet;
use super::report::Report;
use super::tape::{Sink, Tape};
use super::{ExpectWalk, RunError};
use crate::files::{self, FileMistake, ReadFile};
use crate::host::IptablesBackend;
use crate::reading::{self, Mistake, Placed};

/// A machine with rules, and packets.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RuleTest {
    /// What it is called.
    pub name: String,
    /// What it shows, in a sentence or two.
    pub description: String,
    /// Which kernel interface the rules are loaded by.
    pub backend: IptablesBackend,
    /// The rules, as `iptables-save` prints them; or the files that have them.
    pub rules: Vec<Placed<String>>,
    /// The interfaces of the machine.
    pub interfaces: Vec<Interface>,
    /// Its routes beyond those of its addresses.
    pub routes: Vec<Route>,
    /// What is written under `/proc/sys`: names and values.
    pub sysctls: Vec<(String, Placed<String>)>,
    /// The packets, in the order in which they come.
    pub packets: Vec<Row>,
}

/// An interface.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Interface {
    /// Its name.
    pub name: DevName,
    /// Its addresses with the ranges that they are in.
    pub addresses: Vec<Ipv4Net>,
    span: Range<usize>,
}

/// A route.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Route {
    /// The range; 0.0.0.0/0 is the default route.
    pub to: Ipv4Net,
    /// The next router, if there is one.
    pub via: Option<Placed<String>>,
    /// The device, if the next router does not say it.
    pub dev: Option<Placed<String>>,
    span: Range<usize>,
}

/// A packet, and what has to become of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Row {
    /// What it is called; empty if it has no name.
    pub name: String,
    /// The interface that it comes in by; without one the machine sends it.
    pub from: Option<Placed<String>>,
    /// The packet.
    pub packet: Packet,
    /// How much time passes before it comes.
    pub after: Duration,
    /// What has to become of it.
    pub expect: ExpectWalk,
    /// The interface that it has to leave by.
    pub out: Option<Placed<String>>,
    /// What has to become of its answer; without it nobody answers.
    pub answer: Option<Placed<String>>,
    span: Range<usize>,
}

impl RuleTest {
    /// Reads a test, without the files that it names.
    ///
    /// # Errors
    /// All mistakes in the text, in the order of their places.
    pub fn read(text: &str) -> Result<Self, Vec<Mistake>> {
        reading::read(text, "a test of rules", schema::rule_test)
    }

    /// Reads a test with its files. That its rules can be loaded is tried at once.
    pub(super) fn load(
        path: &Path,
        text: &str,
        read: ReadFile<'_>,
    ) -> Result<Self, Vec<FileMistake>> {
        let mut test = Self::read(text).map_err(|found| files::in_file(path, text, found))?;
        let (mut mistakes, mut trial) = (Vec::new(), lab::Trial::new(test.backend));
        for rules in &mut test.rules {
            // What has several lines is no name of a file.
            let (path, content, begin) = if rules.value.contains('\n') {
                (path.to_owned(), rules.value.clone(), Some(first_line(text, &rules.span)))
            } else {
                match files::read_named(read, path, rules) {
                    Ok((path, content)) => (path, content, None),
                    Err(mistake) => {
                        mistakes.extend(files::in_file(path, text, vec![mistake]));
                        continue;
                    }
                }
            };
            if let Err(refused) = trial.load(&content) {
                let (whole, begin) = begin.map_or((&*content, 0), |begin| (text, begin));
                let span = refused.span(whole, begin);
                let mistake = Mistake { span, message: refused.message, help: None };
                mistakes.extend(files::in_file(&path, whole, vec![mistake]));
            }
            rules.value = content;
        }
        if mistakes.is_empty() { Ok(test) } else { Err(mistakes) }
    }

    /// Sends the packets through the rules, one after the other. A sink gets everything that happens.
    ///
    /// # Errors
    /// When the machine cannot be made, or a packet cannot be sent.
    pub fn run(&self, sink: Option<Sink<'_>>) -> Result<Report, RunError> {
        lab::run(self, Tape::new(sink))
    }
}

/// Where the first line of a text in several lines is: TOML leaves out a line feed behind the opening quotes.
fn first_line(text: &str, span: &Range<usize>) -> usize {
    let written = &text[span.clone()];
    let quotes = written.len() - written.trim_start_matches(['"', '\'']).len();
    let rest = &written[quotes..];
    let line_feed = ["\r\n", "\n"].iter().find(|line_feed| rest.starts_with(**line_feed));
    span.start + quotes + line_feed.map_or(0, |line_feed| line_feed.len())
}
