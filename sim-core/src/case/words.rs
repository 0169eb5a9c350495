//! Splits one command line into words: blanks, double quotes, one `< file`, and no other shell syntax.

use super::format::FormatErrorKind;

/// The words of a command and the file that is its standard input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Words {
    pub(super) argv: Vec<String>,
    pub(super) stdin: Option<String>,
}

/// Characters which mean something to a shell outside double quotes, `<` apart.
const SHELL_SYNTAX: &str = "|;&$`\\(){}*?~'>";

/// Splits `line`, refusing what a shell would do more with.
pub(super) fn split(line: &str) -> Result<Words, FormatErrorKind> {
    let mut argv = Vec::new();
    let mut stdin = None;
    let mut chars = line.chars().peekable();
    let mut redirected = false;
    while let Some(&c) = chars.peek() {
        if c.is_whitespace() {
            chars.next();
        } else if c == '<' {
            chars.next();
            if redirected {
                return Err(FormatErrorKind::ShellSyntax { found: '<' });
            }
            redirected = true;
        } else {
            let word = word(&mut chars)?;
            if redirected && stdin.is_none() {
                stdin = Some(word);
            } else {
                argv.push(word);
            }
        }
    }
    if redirected && stdin.is_none() {
        return Err(FormatErrorKind::ShellSyntax { found: '<' });
    }
    Ok(Words { argv, stdin })
}

/// Takes one word; a double-quoted part may hold anything but another double quote.
fn word(chars: &mut core::iter::Peekable<core::str::Chars<'_>>) -> Result<String, FormatErrorKind> {
    let mut word = String::new();
    let mut quoted = false;
    while let Some(&c) = chars.peek() {
        if c == '"' {
            quoted = !quoted;
        } else if !quoted && (c.is_whitespace() || c == '<') {
            break;
        } else if !quoted && SHELL_SYNTAX.contains(c) {
            return Err(FormatErrorKind::ShellSyntax { found: c });
        } else {
            word.push(c);
        }
        chars.next();
    }
    if quoted {
        return Err(FormatErrorKind::UnclosedQuote);
    }
    Ok(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn double_quotes_keep_blanks_and_a_redirect_names_a_file() {
        let words = split("ipset restore \"a  b\"c < rules.txt").unwrap();
        assert_eq!(words.argv, ["ipset", "restore", "a  bc"]);
        assert_eq!(words.stdin.as_deref(), Some("rules.txt"));
    }

    #[test]
    fn shell_programs_are_refused() {
        for line in ["ip link | cat", "a; b", "echo $X", "a > b", "a < b < c", "a <", "for 'x'"] {
            assert!(split(line).is_err(), "{line}");
        }
        assert_eq!(split("a \"b"), Err(FormatErrorKind::UnclosedQuote));
    }
}
