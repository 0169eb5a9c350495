//! The ways by which bytes of others come in: each takes anything, and panics only if something is wrong.
//!
//! The fuzz targets call these, and so do ordinary tests, with inputs that once went wrong, with those of the
//! kept cases damaged, and with random ones.

mod commands;
mod frames;
mod manifests;
mod packet;
mod scenarios;
mod settings;

use sim_core::case::Case;
use sim_core::trace::sink::{json, pcapng::Capture, text::Printer};

pub use commands::{commands, filter};
pub use frames::{frame_input, frames};
pub use manifests::manifests;
pub use packet::packet;
pub use scenarios::scenarios;
pub use settings::settings;

/// An entry by its name.
pub type Entry = (&'static str, fn(&[u8]));

/// All of them.
pub const ENTRIES: [Entry; 9] = [
    ("case", case),
    ("commands", commands),
    ("filter", filter),
    ("frames", frames),
    ("manifests", manifests),
    ("packet", packet),
    ("scenarios", scenarios),
    ("settings", settings),
    ("trace", trace),
];

/// Reads the two texts of a case, `setup.sh` and `packets.txt` with a zero byte between them.
pub fn case(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let (setup, packets) = text.split_once('\0').unwrap_or(("", &text));
    match Case::parse("any", setup, packets) {
        Ok(case) => {
            assert_eq!(case.injected().len() <= case.steps.len(), case.end_us() < u64::MAX);
            assert!(case.steps.iter().all(|step| case.step_at(step.line).is_some()));
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// Reads a recording, and writes it in each form.
///
/// # Panics
/// If what is written is not read as the same again.
pub fn trace(input: &[u8]) {
    let Ok(records) = json::parse(&String::from_utf8_lossy(input)) else { return };
    let (mut printer, mut capture) = (Printer::default(), Capture::new("any", true));
    for record in records {
        assert!(!printer.line(&record).is_empty());
        capture.push(&record);
        let again = json::parse(&json::line(&record));
        assert_eq!(again.ok().as_deref(), Some(&[record][..]));
    }
    assert!(!capture.take().is_empty());
}
