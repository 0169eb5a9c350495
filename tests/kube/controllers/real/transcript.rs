//! How a transcript is read.

/// A step or a question.
#[derive(Clone, Debug)]
pub(super) enum Line {
    /// Something to do.
    Step {
        /// What, word by word.
        words: Vec<String>,
        /// The manifest below it.
        body: String,
    },
    /// Something to answer.
    Question {
        /// What, word by word.
        words: Vec<String>,
        /// What the real ones answered, line by line.
        answer: Vec<String>,
        /// Its number.
        at: usize,
    },
}

/// Reads a transcript.
pub(super) fn read(text: &str) -> Vec<Line> {
    let mut all = Vec::new();
    let mut lines = text.lines().enumerate().peekable();
    let starts = |line: &str| ["> ", "? ", "# "].iter().any(|start| line.starts_with(start));
    while let Some((at, line)) = lines.next() {
        let Some((sign @ ("?" | ">"), words)) = line.split_once(' ') else { continue };
        let words = words.split(' ').map(str::to_owned).collect();
        let mut below = Vec::new();
        while let Some((_, line)) = lines.next_if(|(_, line)| !starts(line)) {
            below.push(line.to_owned());
        }
        all.push(match sign {
            ">" => Line::Step { words, body: below.join("\n") },
            _ => Line::Question { words, answer: below, at: at + 1 },
        });
    }
    all
}
