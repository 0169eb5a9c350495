//! JSON lines: one [`Record`] a line, in the schema that [`record`](crate::trace::record) documents.

use crate::trace::record::Record;

/// The record as one line, with its line feed.
#[must_use]
pub fn line(record: &Record) -> String {
    let mut text = serde_json::to_string(record).expect("a record has no map keys but strings");
    text.push('\n');
    text
}

/// Reads a trace file back.
///
/// # Errors
///
/// Returns the number of the first line, from 1, that is no record, and what is wrong with it.
pub fn parse(text: &str) -> Result<Vec<Record>, (usize, serde_json::Error)> {
    text.lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(n, line)| serde_json::from_str(line).map_err(|error| (n + 1, error)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::record::What;

    #[test]
    fn lines_are_read_back_as_they_were_written() {
        let records: Vec<Record> = (0..3)
            .map(|n| Record {
                time_ns: n,
                flow: 1,
                netns: "-".into(),
                dev: "lo".into(),
                what: What::Arrived { place: "output".into(), protocol: 0x0800, hex: vec![0x45] },
            })
            .collect();
        let text: String = records.iter().map(line).collect();
        assert_eq!(parse(&text).unwrap(), records);
    }

    #[test]
    fn a_bad_line_is_named_by_its_number() {
        let (line, _) = parse("\n{}\n").unwrap_err();
        assert_eq!(line, 2);
    }
}
