//! The words of a filter.

/// A word.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Token<'a> {
    /// A name, a number or an address.
    Word(&'a str),
    /// One of the operators, as it was written.
    Symbol(&'static str),
}

/// Longer ones first.
const SYMBOLS: [&str; 24] = [
    "&&", "||", "<<", ">>", "<=", ">=", "==", "!=", "!", "(", ")", "[", "]", "<", ">", "=", "+",
    "-", "*", "/", "%", "&", "|", "^",
];

/// Takes the text apart.
pub(super) fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        // The width inside of brackets: `tcp[12:2]`. Elsewhere a colon belongs to an address.
        if let Some(after) = rest.strip_prefix(':') {
            found.push(Token::Symbol(":"));
            rest = after.trim_start();
            continue;
        }
        let symbol = SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol));
        if let Some(symbol) = symbol {
            found.push(Token::Symbol(symbol));
            rest = rest[symbol.len()..].trim_start();
            continue;
        }
        let word = word(rest, in_brackets(&found));
        found.push(Token::Word(word));
        rest = rest[word.len()..].trim_start();
    }
    found
}

fn in_brackets(found: &[Token<'_>]) -> bool {
    let count = |what| found.iter().filter(|t| **t == Token::Symbol(what)).count();
    count("[") > count("]")
}

/// A word goes on through what names and addresses are made of: `tcp-syn`, `10.0.0.0/8`, `02:00::1`.
fn word(rest: &str, in_brackets: bool) -> &str {
    let belongs = |c: char| {
        c.is_alphanumeric()
            || matches!(c, '.' | '_' | '\\')
            || !in_brackets && matches!(c, '-' | '/' | ':')
    };
    let end = rest.find(|c| !belongs(c)).unwrap_or(rest.len());
    // Something that belongs to no word stands alone, and will be a syntax error.
    let first = rest.chars().next().map_or(0, char::len_utf8);
    &rest[..end.max(first)]
}
