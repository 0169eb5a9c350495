//! The real tcpdump, reading a capture that was written for it.

use std::path::PathBuf;
use std::process::Command;

use super::{Frame, Link, golden, hex, mutate, summarize};

/// The version whose output is modelled.
const VERSION: &str = "tcpdump version 4.99.3";
/// The time stamp of the first frame, in seconds; each further one is a second later.
const FIRST: usize = 1_000_000_000;

/// Writes a capture file (`pcap`, microseconds) of frames with the same link type.
fn pcap(frames: &[Frame]) -> Vec<u8> {
    let word = |value: usize| u32::try_from(value).unwrap().to_le_bytes();
    let mut out = Vec::new();
    let link = frames.first().map_or(1, |frame| frame.link.number());
    for value in [0xa1b2_c3d4, 0x0004_0002, 0, 0, 262_144, link] {
        out.extend(word(value));
    }
    for (at, frame) in frames.iter().enumerate() {
        for value in [FIRST + at, 0, frame.bytes.len(), frame.wire_len] {
            out.extend(word(value));
        }
        out.extend(&frame.bytes);
    }
    out
}

/// A file that is removed when it is no longer needed.
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        std::fs::remove_file(&self.0).unwrap();
    }
}

/// Returns what tcpdump prints for each frame after its time stamp, or why it cannot be asked.
pub(super) fn tcpdump(frames: &[Frame], flags: &str) -> Result<Vec<String>, String> {
    let version = Command::new("tcpdump").arg("--version").output().map_err(|e| e.to_string())?;
    let version = String::from_utf8_lossy(&version.stdout).into_owned()
        + &String::from_utf8_lossy(&version.stderr);
    if !version.starts_with(VERSION) {
        let first = version.lines().next().unwrap_or_default();
        return Err(format!("it is '{first}', not '{VERSION}'"));
    }
    let flags_name: String = flags.chars().filter(char::is_ascii_alphanumeric).collect();
    let name = format!(
        "kubewire-{}-{:?}-{flags_name}.pcap",
        std::process::id(),
        std::thread::current().id()
    );
    let file = Scratch(std::env::temp_dir().join(name));
    std::fs::write(&file.0, pcap(frames)).unwrap();
    let mut command = Command::new("tcpdump");
    command.args(["-n", "-tt"]).arg("-r").arg(&file.0);
    if flags != "-" {
        command.arg(flags);
    }
    let output = command.output().map_err(|e| e.to_string())?;
    split(&output.stdout, frames.len())
}

/// Splits the output at the time stamps.
fn split(output: &[u8], frames: usize) -> Result<Vec<String>, String> {
    let output: String = output.iter().copied().map(char::from).collect();
    let mut rest = output.as_str();
    let mut texts = Vec::new();
    for at in 0..frames {
        let stamp = format!("{}.000000 ", FIRST + at);
        rest = rest.strip_prefix(&stamp).ok_or_else(|| format!("no frame {at} in {rest:.80}"))?;
        let next = format!("\n{}.000000 ", FIRST + at + 1);
        let end = rest.find(&next).unwrap_or_else(|| rest.len().saturating_sub(1));
        texts.push(rest[..end].to_owned());
        rest = rest.get(end + 1..).unwrap_or_default();
    }
    Ok(texts)
}

/// The options of the runs that are compared.
const RUNS: &[&str] = &[
    "-", "-e", "-v", "-ev", "-S", "-q", "-vv", "-evv", "-X", "-xx", "-A", "-XX", "-x", "-AA",
    "-vvv",
];

/// Compares all frames in one run for each set of options and returns the first differences.
fn differences(frames: &[Frame], runs: &[&str]) -> Result<Vec<String>, String> {
    let mut found = Vec::new();
    for flags in runs {
        let want = tcpdump(frames, flags)?;
        for ((frame, want), got) in frames.iter().zip(&want).zip(summarize(frames, flags)) {
            if got.unmodelled.is_none() && got.text != *want {
                let (hex, wire) = (hex(&frame.bytes), frame.wire_len);
                let text = &got.text;
                found.push(format!("{flags} wire {wire} {hex}\n got  {text:?}\n want {want:?}"));
            }
        }
    }
    Ok(found)
}

#[expect(clippy::print_stderr, reason = "a check that did not run must not look like one that did")]
fn assert_same(frames: &[Frame], runs: &[&str]) {
    match differences(frames, runs) {
        Ok(found) => {
            let shown = found.iter().take(20).cloned().collect::<Vec<_>>().join("\n");
            assert!(found.is_empty(), "{} differ\n{shown}", found.len());
        }
        Err(why) => eprintln!("SKIPPED: the real tcpdump is not asked: {why}"),
    }
}

#[test]
fn tcpdump_prints_the_kept_frames_so() {
    let (_, cases) = golden::cases();
    let frames: Vec<Frame> = cases.into_iter().flat_map(|case| case.frames).collect();
    let frames: Vec<Frame> = frames.into_iter().filter(|frame| !frame.bytes.is_empty()).collect();
    assert_same(&frames, RUNS);
}

#[test]
fn tcpdump_prints_every_cut_of_the_kept_frames_so() {
    let mut cut = Vec::new();
    for frame in golden::cases().1.into_iter().flat_map(|case| case.frames) {
        for len in 1..frame.bytes.len() {
            cut.push(Frame { bytes: frame.bytes[..len].to_vec(), ..frame.clone() });
        }
    }
    assert_same(&cut, &["-", "-evv"]);
}

#[test]
fn tcpdump_prints_frames_without_an_ethernet_header_so() {
    let kept: Vec<Frame> = golden::cases().1.into_iter().flat_map(|case| case.frames).collect();
    for link in [Link::Raw, Link::Cooked] {
        let frames: Vec<Frame> = kept.iter().filter_map(|frame| frame.with_link(link)).collect();
        assert_same(&frames, RUNS);
    }
}

#[test]
fn tcpdump_prints_cut_and_damaged_frames_so() {
    let (_, cases) = golden::cases();
    let frames: Vec<Frame> = cases.into_iter().flat_map(|case| case.frames).collect();
    let rounds = std::env::var("KUBEWIRE_ROUNDS").ok().and_then(|text| text.parse().ok());
    for seed in 0..rounds.unwrap_or(2) {
        let damaged = mutate::frames(&frames, seed);
        assert_same(&damaged, &["-", "-ev", "-vv", "-eX"]);
    }
}
