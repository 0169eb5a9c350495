//! The kept lines of tcpdump.
//!
//! ```text
//! frame NAME HEX..             one frame or, for a connection, several
//! -v IP 10.0.0.1.1 > ..        what tcpdump -n -v prints for the first frame, line ends as \n
//! ```

use std::fmt::Write as _;
use std::path::PathBuf;

use super::{Frame, hex, real, summarize};

/// Frames and what tcpdump printed for them.
pub(super) struct Case {
    pub(super) name: String,
    pub(super) frames: Vec<Frame>,
    /// The options of a run, and the text of each frame in it.
    runs: Vec<(String, Vec<String>)>,
}

fn path() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/it/tcpdump/golden.txt"))
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<char> = text.chars().filter(char::is_ascii_hexdigit).collect();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(&pair.iter().collect::<String>(), 16).unwrap())
        .collect()
}

/// Reads the cases, and the lines in front of them that say where they come from.
pub(super) fn cases() -> (String, Vec<Case>) {
    let text = std::fs::read_to_string(path()).unwrap();
    let mut head = String::new();
    let mut cases: Vec<Case> = Vec::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("frame ") {
            let mut words = rest.split(' ');
            let name = words.next().unwrap().to_owned();
            let frames = words.map(|word| Frame::whole(unhex(word))).collect();
            cases.push(Case { name, frames, runs: Vec::new() });
        } else if let Some(case) = cases.last_mut() {
            let (flags, text) = line.split_once(' ').unwrap_or((line, ""));
            match case.runs.iter_mut().find(|(known, _)| known == flags) {
                Some((_, texts)) => texts.push(unescape(text)),
                None => case.runs.push((flags.to_owned(), vec![unescape(text)])),
            }
        } else {
            writeln!(head, "{line}").unwrap();
        }
    }
    (head, cases)
}

fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\n', "\\n").replace('\t', "\\t").replace('\r', "\\r")
}

fn unescape(text: &str) -> String {
    let mut out = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        out.push(match c {
            '\\' => match chars.next().unwrap() {
                'n' => '\n',
                't' => '\t',
                'r' => '\r',
                other => other,
            },
            other => other,
        });
    }
    out
}

#[test]
fn the_kept_lines_are_printed() {
    let (_, cases) = cases();
    assert!(cases.len() > 300, "the file was cut");
    let mut wrong = Vec::new();
    for case in &cases {
        for (flags, texts) in &case.runs {
            assert_eq!(texts.len(), case.frames.len(), "{} {flags}", case.name);
            for (got, want) in summarize(&case.frames, flags).iter().zip(texts) {
                if got.unmodelled.is_none() && got.text != *want {
                    wrong.push(format!("{} {flags}\n got  {}\n want {want}", case.name, got.text));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} differ\n{}", wrong.len(), wrong.join("\n"));
}

/// Asks tcpdump again: `KUBEWIRE_BLESS=1 cargo test -p sim-tests --test it tcpdump -- --ignored`.
#[test]
#[ignore = "rewrites the kept lines from the tcpdump that is installed"]
fn keep_what_tcpdump_prints() {
    assert!(std::env::var_os("KUBEWIRE_BLESS").is_some(), "would rewrite {}", path().display());
    let (mut out, cases) = cases();
    for case in &cases {
        let words: Vec<String> = case.frames.iter().map(|frame| hex(&frame.bytes)).collect();
        writeln!(out, "frame {} {}", case.name, words.join(" ")).unwrap();
        for (flags, _) in &case.runs {
            for text in real::tcpdump(&case.frames, flags).unwrap() {
                writeln!(out, "{flags} {}", escape(&text)).unwrap();
            }
        }
    }
    std::fs::write(path(), out).unwrap();
}
