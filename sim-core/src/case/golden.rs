//! A normalised observation as a text that can be kept beside its case.
//!
//! The first line says where it was observed, the rest is JSON with one row a line. A frame that shows
//! up at several devices is written once, in `frames`; `trace` rows are `STEP DEV DIR TYPE FRAME` with
//! the place of the frame in that list.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;

use super::format::{from_hex, to_hex};
use super::normal::{Netfilter, Normal, NormalNetns, Sighting, Tables};
use super::observed::{CommandObserved, DevStats, Direction};

const HEADER: &str = "# observed on ";

/// A golden answer that cannot be read.
#[derive(Debug, Error)]
pub enum GoldenError {
    /// The first line is not the header.
    #[error("the first line does not start with `{HEADER}`")]
    NoHeader,
    /// The rest is not the expected JSON.
    #[error("the answer is not as expected: {0}")]
    Json(#[from] serde_json::Error),
    /// A row of `trace` that is not understood.
    #[error("trace row `{0}` is not understood")]
    Row(String),
}

#[derive(Serialize, Deserialize)]
struct File {
    frames: Vec<String>,
    netns: BTreeMap<String, FileNetns>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    commands: Vec<CommandObserved>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    sockets: BTreeMap<String, Vec<String>>,
}

#[derive(Serialize, Deserialize)]
struct FileNetns {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    trace: Vec<String>,
    #[serde(flatten)]
    tables: Tables,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    links: BTreeMap<String, DevStats>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    snmp: BTreeMap<String, i64>,
    #[serde(flatten)]
    netfilter: Netfilter,
}

/// Writes a normalised observation.
///
/// # Errors
/// None that its shape allows; the JSON writer's error is passed on.
pub fn write(normal: &Normal) -> Result<String, GoldenError> {
    let mut frames = Vec::new();
    let mut places = BTreeMap::new();
    let mut netns = BTreeMap::new();
    for (name, one) in &normal.netns {
        let trace = one.frames.iter().map(|seen| {
            let place = *places.entry(seen.frame.clone()).or_insert_with(|| {
                frames.push(to_hex(&seen.frame));
                frames.len() - 1
            });
            format!("{} {} {} {} {place}", seen.step, seen.dev, seen.dir, seen.pkttype)
        });
        let file = FileNetns {
            trace: trace.collect(),
            tables: one.tables.clone(),
            links: one.links.clone(),
            snmp: one.snmp.clone(),
            netfilter: one.netfilter.clone(),
        };
        netns.insert(name.clone(), file);
    }
    let file =
        File { frames, netns, commands: normal.commands.clone(), sockets: normal.sockets.clone() };
    let mut text = format!("{HEADER}{}\n", normal.kernel);
    lay_out(&serde_json::to_value(file)?, 0, &mut text);
    text.push('\n');
    Ok(text)
}

/// Writes JSON with the outer levels broken into lines and the rows in one line each.
fn lay_out(value: &Value, depth: usize, text: &mut String) {
    let inner = "  ".repeat(depth + 1);
    let outer = "  ".repeat(depth);
    match value {
        Value::Object(map) if depth < 3 && !map.is_empty() => {
            text.push_str("{\n");
            for (place, (key, value)) in map.iter().enumerate() {
                let _infallible = write!(text, "{inner}{}: ", Value::from(key.as_str()));
                lay_out(value, depth + 1, text);
                text.push_str(if place + 1 < map.len() { ",\n" } else { "\n" });
            }
            let _infallible = write!(text, "{outer}}}");
        }
        Value::Array(rows) if !rows.is_empty() && depth < 4 => {
            text.push_str("[\n");
            for (place, row) in rows.iter().enumerate() {
                let comma = if place + 1 < rows.len() { "," } else { "" };
                let _infallible = writeln!(text, "{inner}{row}{comma}");
            }
            let _infallible = write!(text, "{outer}]");
        }
        Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_)
        | Value::Array(_)
        | Value::Object(_) => {
            let _infallible = write!(text, "{value}");
        }
    }
}

/// Reads what [`write()`] wrote.
///
/// # Errors
/// When it is not such a text.
pub fn read(text: &str) -> Result<Normal, GoldenError> {
    let (header, json) = text.split_once('\n').ok_or(GoldenError::NoHeader)?;
    let kernel = header.strip_prefix(HEADER).ok_or(GoldenError::NoHeader)?.to_owned();
    let file: File = serde_json::from_str(json)?;
    let frames: Vec<Vec<u8>> = file
        .frames
        .iter()
        .map(|hex| from_hex(hex).ok_or_else(|| GoldenError::Row(hex.clone())))
        .collect::<Result<_, _>>()?;
    let mut netns = BTreeMap::new();
    for (name, one) in file.netns {
        let frames = one
            .trace
            .iter()
            .map(|row| sighting(row, &frames).ok_or_else(|| GoldenError::Row(row.clone())))
            .collect::<Result<_, _>>()?;
        let normal = NormalNetns {
            frames,
            tables: one.tables,
            snmp: one.snmp,
            links: one.links,
            netfilter: one.netfilter,
        };
        netns.insert(name, normal);
    }
    Ok(Normal { kernel, netns, commands: file.commands, sockets: file.sockets })
}

fn sighting(row: &str, frames: &[Vec<u8>]) -> Option<Sighting> {
    let words: Vec<&str> = row.split(' ').collect();
    let [step, dev, dir, pkttype, place] = words.as_slice() else { return None };
    let place: usize = place.parse().ok()?;
    Some(Sighting {
        step: step.parse().ok()?,
        dev: (*dev).to_owned(),
        dir: match *dir {
            "in" => Direction::In,
            "out" => Direction::Out,
            _ => return None,
        },
        pkttype: pkttype.parse().ok()?,
        frame: frames.get(place)?.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let seen = |dev: &str, dir| Sighting {
            step: 3,
            dev: dev.to_owned(),
            dir,
            pkttype: 4,
            frame: vec![1, 2, 3],
        };
        let one = NormalNetns {
            frames: vec![seen("e0", Direction::Out), seen("e1", Direction::In)],
            tables: Tables { rule: vec![serde_json::json!({"priority": 0})], ..Tables::default() },
            snmp: BTreeMap::from([("Ip.InReceives".to_owned(), 4)]),
            links: BTreeMap::from([(
                "e0".to_owned(),
                DevStats { tx_packets: 1, ..DevStats::default() },
            )]),
            netfilter: Netfilter {
                conntrack: vec!["ipv4 2 udp 17 29 src=10.0.0.1".to_owned()],
                conntrack_stats: BTreeMap::from([("invalid".to_owned(), 2)]),
                ..Netfilter::default()
            },
        };
        let normal = Normal {
            kernel: "Linux 6.18".to_owned(),
            netns: BTreeMap::from([("a".to_owned(), one)]),
            commands: vec![CommandObserved {
                line: 4,
                rc: 2,
                stdout: String::new(),
                stderr: "RTNETLINK answers: File exists\n".to_owned(),
            }],
            sockets: BTreeMap::from([("a tcp 5".to_owned(), vec!["eof".to_owned()])]),
        };
        let text = write(&normal).unwrap();
        assert!(text.starts_with("# observed on Linux 6.18\n"), "{text}");
        assert_eq!(text.matches("010203").count(), 1, "{text}");
        assert_eq!(read(&text).unwrap(), normal);
    }
}
