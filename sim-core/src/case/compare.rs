//! Finds the first difference between two normalised observations and puts it into words.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display, Write as _};

use super::decode::describe;
use super::format::{Case, to_hex};
use super::normal::{Netfilter, Normal, NormalNetns, Sighting};
use super::observed::{CommandObserved, DevStats};

/// How two observations differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// What differs: `frames`, `ip neigh`, `snmp`, `links`, `sh`, `sockets`, ...
    pub section: String,
    /// The namespace, where there is one.
    pub netns: Option<String>,
    /// The line of `packets.txt`, where there is one.
    pub step: Option<usize>,
    /// The difference in words, several lines.
    pub words: String,
}

impl Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.section)?;
        if let Some(netns) = &self.netns {
            write!(f, " of namespace {netns}")?;
        }
        if let Some(step) = self.step {
            write!(f, " at packets.txt:{step}")?;
        }
        write!(f, "\n{}", self.words)
    }
}

/// The two sides and how they are called.
#[derive(Clone, Copy)]
struct Sides<'a> {
    left: (&'a str, &'a Normal),
    right: (&'a str, &'a Normal),
}

/// Names every section in which `left` and `right` differ, with its first difference. The first of
/// them is the one to look at: frames come before what frames leave behind, earlier steps before later.
#[must_use]
pub fn compare(case: &Case, left: (&str, &Normal), right: (&str, &Normal)) -> Vec<Difference> {
    let sides = Sides { left, right };
    let mut found = Vec::new();
    let names: BTreeSet<&String> = left.1.netns.keys().chain(right.1.netns.keys()).collect();
    let empty = NormalNetns::default();
    let of = |normal: &'_ Normal, name: &String| normal.netns.get(name).cloned();
    for name in &names {
        let (a, b) = (of(left.1, name), of(right.1, name));
        let (a, b) = (a.as_ref().unwrap_or(&empty), b.as_ref().unwrap_or(&empty));
        found.extend(sides.frames(case, name, &a.frames, &b.frames));
    }
    found.extend(sides.commands(case));
    found.sort_by_key(|difference| difference.step);
    found.extend(sides.sockets());
    for name in names {
        let (a, b) = (of(left.1, name), of(right.1, name));
        let (a, b) = (a.as_ref().unwrap_or(&empty), b.as_ref().unwrap_or(&empty));
        for ((section, a), (_, b)) in a.tables.named().into_iter().zip(b.tables.named()) {
            found.extend(sides.rows(section, name, a, b));
        }
        found.extend(sides.counters("snmp", name, &a.snmp, &b.snmp));
        found.extend(sides.counters("links", name, &flat(&a.links), &flat(&b.links)));
        found.extend(sides.netfilter(name, &a.netfilter, &b.netfilter));
    }
    found
}

impl Sides<'_> {
    /// Two lines, one for each side.
    fn both(&self, left: &str, right: &str) -> String {
        let width = self.left.0.len().max(self.right.0.len());
        format!("  {:<width$}  {left}\n  {:<width$}  {right}", self.left.0, self.right.0)
    }

    fn frames(
        &self,
        case: &Case,
        netns: &str,
        left: &[Sighting],
        right: &[Sighting],
    ) -> Option<Difference> {
        let at = first_difference(left, right)?;
        let (a, b) = (left.get(at), right.get(at));
        let step = a.into_iter().chain(b).map(|seen| seen.step).min();
        let mut words = String::new();
        if let Some(text) = step.and_then(|line| case.step_at(line)).map(|step| &step.text) {
            let _infallible = writeln!(words, "  after `{}`", shorten(text));
        }
        let _infallible = writeln!(words, "  frame {} of the namespace:", at + 1);
        words.push_str(&self.both(&show(a), &show(b)));
        if let (Some(a), Some(b)) = (a, b)
            && let Some(byte) = first_difference(&a.frame, &b.frame)
        {
            let _infallible = write!(words, "\n  first differing byte: {byte}\n");
            words.push_str(&self.both(&to_hex(&a.frame), &to_hex(&b.frame)));
        }
        Some(Difference {
            section: "frames".to_owned(),
            netns: Some(netns.to_owned()),
            step,
            words,
        })
    }

    fn commands(&self, case: &Case) -> Option<Difference> {
        let (left, right) = (&self.left.1.commands, &self.right.1.commands);
        let at = first_difference(left, right)?;
        let (a, b) = (left.get(at), right.get(at));
        let line = a.or(b).map(|command| command.line);
        let text = line.and_then(|line| case.step_at(line)).map_or("", |step| &step.text);
        let words = format!("  `{text}`\n{}", self.both(&outcome(a), &outcome(b)));
        Some(Difference { section: "sh".to_owned(), netns: None, step: line, words })
    }

    fn sockets(&self) -> Option<Difference> {
        let (left, right) = (&self.left.1.sockets, &self.right.1.sockets);
        let names: BTreeSet<&String> = left.keys().chain(right.keys()).collect();
        let nothing = Vec::new();
        names.into_iter().find_map(|name| {
            let (a, b) = (left.get(name).unwrap_or(&nothing), right.get(name).unwrap_or(&nothing));
            let at = first_difference(a, b)?;
            let event = |events: &[String]| events.get(at).map_or("nothing", |e| e).to_owned();
            let words = format!(
                "  event {} of socket `{name}`:\n{}",
                at + 1,
                self.both(&event(a), &event(b))
            );
            Some(Difference { section: "sockets".to_owned(), netns: None, step: None, words })
        })
    }

    fn netfilter(&self, netns: &str, left: &Netfilter, right: &Netfilter) -> Vec<Difference> {
        let lists = left.named().into_iter().zip(right.named());
        let mut found: Vec<Difference> =
            lists.filter_map(|((section, a), (_, b))| self.rows(section, netns, a, b)).collect();
        let (a, b) = (&left.conntrack_stats, &right.conntrack_stats);
        found.extend(self.counters("conntrack -S", netns, a, b));
        let recent = |side: &Netfilter| -> Vec<String> {
            let lists = side.xt_recent.iter();
            lists
                .flat_map(|(name, rows)| rows.iter().map(move |row| format!("{name}: {row}")))
                .collect()
        };
        found.extend(self.rows("xt_recent", netns, &recent(left), &recent(right)));
        found
    }

    fn rows<T: PartialEq + ToString>(
        &self,
        section: &str,
        netns: &str,
        left: &[T],
        right: &[T],
    ) -> Option<Difference> {
        let at = first_difference(left, right)?;
        let row = |rows: &[T]| rows.get(at).map_or_else(nothing, ToString::to_string);
        let words = format!("  row {}:\n{}", at + 1, self.both(&row(left), &row(right)));
        let netns = Some(netns.to_owned());
        Some(Difference { section: section.to_owned(), netns, step: None, words })
    }

    fn counters(
        &self,
        section: &str,
        netns: &str,
        left: &BTreeMap<String, i64>,
        right: &BTreeMap<String, i64>,
    ) -> Option<Difference> {
        let names: BTreeSet<&String> = left.keys().chain(right.keys()).collect();
        let of =
            |counters: &BTreeMap<String, i64>, name: &str| counters.get(name).copied().unwrap_or(0);
        let lines: Vec<String> = names
            .into_iter()
            .filter(|name| of(left, name) != of(right, name))
            .map(|name| {
                let (a, b) = (of(left, name), of(right, name));
                format!("  {name}: {} {a}, {} {b}", self.left.0, self.right.0)
            })
            .collect();
        if lines.is_empty() {
            return None;
        }
        let netns = Some(netns.to_owned());
        Some(Difference { section: section.to_owned(), netns, step: None, words: lines.join("\n") })
    }
}

/// The first place at which two lists differ.
fn first_difference<T: PartialEq>(left: &[T], right: &[T]) -> Option<usize> {
    let common = left.iter().zip(right).position(|(a, b)| a != b);
    common.or_else(|| (left.len() != right.len()).then_some(left.len().min(right.len())))
}

/// What is shown for the side that has nothing at that place.
fn nothing() -> String {
    "nothing".to_owned()
}

fn show(seen: Option<&Sighting>) -> String {
    seen.map_or_else(nothing, |seen| {
        let Sighting { step, dev, dir, pkttype, frame } = seen;
        format!("L{step} {dev} {dir} type {pkttype}: {}", describe(frame))
    })
}

fn outcome(command: Option<&CommandObserved>) -> String {
    command.map_or_else(nothing, |command| {
        let CommandObserved { rc, stdout, stderr, .. } = command;
        format!("exit {rc}, stdout {stdout:?}, stderr {stderr:?}")
    })
}

fn shorten(text: &str) -> String {
    const SHOWN: usize = 100;
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}..", &text[..end]),
        None => text.to_owned(),
    }
}

/// The counters of all devices as one list, `DEV.rx_packets`.
fn flat(links: &BTreeMap<String, DevStats>) -> BTreeMap<String, i64> {
    let counters = links.iter().flat_map(|(dev, stats)| {
        let value = serde_json::to_value(stats).unwrap_or_default();
        let map = value.as_object().cloned().unwrap_or_default();
        map.into_iter()
            .map(move |(name, count)| (format!("{dev}.{name}"), count.as_i64().unwrap_or(i64::MAX)))
    });
    counters.collect()
}

#[cfg(test)]
mod tests {
    use super::super::observed::Direction;
    use super::*;

    fn normal(frames: &[(usize, &str, &[u8])]) -> Normal {
        let frames = frames
            .iter()
            .map(|(step, dev, frame)| Sighting {
                step: *step,
                dev: (*dev).to_owned(),
                dir: Direction::Out,
                pkttype: 4,
                frame: frame.to_vec(),
            })
            .collect();
        let netns = NormalNetns { frames, ..NormalNetns::default() };
        Normal { netns: BTreeMap::from([("r".to_owned(), netns)]), ..Normal::default() }
    }

    fn words(left: &Normal, right: &Normal) -> Vec<String> {
        let case = Case::parse("t", "", "0 r e0 tx 00\n1 r e0 tx 01\n").unwrap();
        let found = compare(&case, ("kernel", left), ("model", right));
        found.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn equal_observations_have_no_difference() {
        let one = normal(&[(1, "e0", &[0; 14])]);
        assert!(words(&one, &one).is_empty());
    }

    #[test]
    fn a_missing_frame_is_named_with_its_step() {
        let one = normal(&[(1, "e0", &[0; 14]), (2, "e0", &[1; 14])]);
        let two = normal(&[(1, "e0", &[0; 14])]);
        let words = words(&one, &two);
        assert!(words[0].starts_with("frames of namespace r at packets.txt:2"), "{words:?}");
        assert!(words[0].contains("after `1 r e0 tx 01`"), "{words:?}");
        assert!(words[0].contains("model   nothing"), "{words:?}");
    }

    #[test]
    fn counters_are_listed_by_name() {
        let mut one = normal(&[]);
        let two = normal(&[]);
        one.netns.get_mut("r").unwrap().snmp.insert("Ip.InReceives".to_owned(), 3);
        assert_eq!(
            words(&one, &two),
            ["snmp of namespace r\n  Ip.InReceives: kernel 3, model 0".to_owned()]
        );
    }
}
