//! The words of a command, as a shell would part them; nothing else that a shell does.

/// Why a line is no plain command.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum CommandError {
    /// There is nothing.
    #[error("there is no command in it")]
    Nothing,
    /// A shell would do more with it than run one command.
    #[error(
        "`{0}` is for a shell; here are plain commands only, with quotes around what holds such signs"
    )]
    Shell(char),
    /// Quotes that are never closed.
    #[error("`{0}` is never closed")]
    Open(char),
}

/// What means something to a shell outside of quotes.
const SHELL: &str = "|;&$`\\(){}*?~<>";

/// Parts a command into its words: at blanks, unless quotes hold them together.
pub(super) fn words(command: &str) -> Result<Vec<String>, CommandError> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for c in command.chars() {
        match (quote, c) {
            (Some(open), c) if open == c => quote = None,
            (None, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (None, c) if SHELL.contains(c) => return Err(CommandError::Shell(c)),
            (Some(_) | None, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    match quote {
        Some(open) => Err(CommandError::Open(open)),
        None if words.is_empty() => Err(CommandError::Nothing),
        None => Ok(words),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_hold_words_together_and_signs_of_a_shell_are_refused() {
        let command = "iptables -m comment --comment \"a b\" -s '10.0.0.0/8|x'";
        let expected = ["iptables", "-m", "comment", "--comment", "a b", "-s", "10.0.0.0/8|x"];
        assert_eq!(words(command).unwrap(), expected);
        assert_eq!(words("ip link | cat"), Err(CommandError::Shell('|')));
        assert_eq!(words("echo 'a"), Err(CommandError::Open('\'')));
        assert_eq!(words("  "), Err(CommandError::Nothing));
    }
}
