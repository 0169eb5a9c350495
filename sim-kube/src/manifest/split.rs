//! The documents of a file, cut apart as kubectl does before it reads any (`YAMLReader`): a mistake in one
//! document does not hide those in others.

/// A document, and where it begins.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Document<'a> {
    /// The text.
    pub(super) text: &'a str,
    /// How many lines are before it.
    pub(super) lines_before: usize,
}

/// A line that should part documents and says something else.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct BadSeparator {
    /// Its line, counted from 1.
    pub(super) line: usize,
    /// What it says.
    pub(super) rest: String,
}

/// Cuts a file at lines that begin with `---`.
pub(super) fn documents(text: &str) -> (Vec<Document<'_>>, Vec<BadSeparator>) {
    let (mut documents, mut bad) = (Vec::new(), Vec::new());
    let (mut start, mut start_line, mut offset, mut lines) = (0, 0, 0, 0);
    for line in text.split_inclusive('\n') {
        lines += 1;
        let end = offset + line.len();
        if let Some(rest) = line.strip_prefix("---") {
            let rest = rest.trim();
            if !rest.is_empty() && !rest.starts_with('#') {
                bad.push(BadSeparator { line: lines, rest: rest.to_owned() });
            }
            documents.push(Document { text: &text[start..offset], lines_before: start_line });
            (start, start_line) = (end, lines);
        }
        offset = end;
    }
    documents.push(Document { text: &text[start..], lines_before: start_line });
    (documents, bad)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_with_three_dashes_part_documents() {
        let (documents, bad) = documents("a: 1\n--- # next\nb: |\n  ---\n---\n--- x\n");
        let found: Vec<(&str, usize)> =
            documents.iter().map(|document| (document.text, document.lines_before)).collect();
        assert_eq!(found, [("a: 1\n", 0), ("b: |\n  ---\n", 2), ("", 5), ("", 6)]);
        assert_eq!(bad, [BadSeparator { line: 6, rest: "x".to_owned() }]);
    }
}
