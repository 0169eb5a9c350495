//! The options of traceroute 2.1.2 as a table, and its rules for taking a command line apart.

/// An option, by its names and the name of its argument.
#[derive(Clone, Copy, Debug)]
pub(super) struct Opt {
    /// The letter, or `None` for options that only have a long name.
    pub(super) short: Option<char>,
    /// The long name, without dashes.
    pub(super) long: Option<&'static str>,
    /// The argument's name, if there is one.
    pub(super) argument: Option<&'static str>,
}

const fn flag(short: char, long: &'static str) -> Opt {
    Opt { short: Some(short), long: Some(long), argument: None }
}

const fn letter(short: char) -> Opt {
    Opt { short: Some(short), long: None, argument: None }
}

const fn value(short: char, long: &'static str, argument: &'static str) -> Opt {
    Opt { short: Some(short), long: Some(long), argument: Some(argument) }
}

const fn long(name: &'static str, argument: Option<&'static str>) -> Opt {
    Opt { short: None, long: Some(name), argument }
}

/// Every option.
pub(super) const OPTIONS: &[Opt] = &[
    letter('4'),
    letter('6'),
    flag('d', "debug"),
    flag('F', "dont-fragment"),
    value('f', "first", "first_ttl"),
    value('g', "gateway", "gate,..."),
    flag('I', "icmp"),
    flag('T', "tcp"),
    value('i', "interface", "device"),
    value('m', "max-hops", "max_ttl"),
    value('N', "sim-queries", "squeries"),
    letter('n'),
    value('p', "port", "port"),
    value('t', "tos", "tos"),
    value('l', "flowlabel", "flow_label"),
    value('w', "wait", "MAX,HERE,NEAR"),
    value('q', "queries", "nqueries"),
    letter('r'),
    value('s', "source", "src_addr"),
    value('z', "sendwait", "sendwait"),
    flag('e', "extensions"),
    flag('A', "as-path-lookups"),
    value('M', "module", "name"),
    value('O', "options", "OPTS,..."),
    long("sport", Some("num")),
    long("fwmark", Some("num")),
    flag('U', "udp"),
    flag('D', "dccp"),
    value('P', "protocol", "prot"),
    long("mtu", None),
    long("back", None),
    flag('V', "version"),
    long("help", None),
];

/// An element of a command line.
#[derive(Clone, Copy, Debug)]
pub(super) enum Element<'a> {
    /// An option as it was written, its argument, and the place of its last word.
    Option { option: &'static Opt, written: &'a str, argument: Option<&'a str>, at: usize },
    /// An operand: its number, from 1, and the place of its word.
    Operand { text: &'a str, number: usize, at: usize },
}

/// Takes `words` apart; an error is the message, without its line feed.
pub(super) fn elements(words: &[String]) -> Result<Vec<Element<'_>>, String> {
    let mut found = Vec::new();
    let mut operands = 0;
    let mut at = 0;
    while let Some(word) = words.get(at) {
        at += 1;
        if let Some(body) = word.strip_prefix("--").filter(|body| !body.is_empty()) {
            found.push(long_option(word, body, at)?);
        } else if word.len() > 1 && word.starts_with('-') {
            at = cluster(words, word, at, &mut found)?;
        } else {
            operands += 1;
            found.push(Element::Operand { text: word, number: operands, at });
        }
    }
    Ok(found)
}

fn long_option<'a>(word: &'a str, body: &'a str, at: usize) -> Result<Element<'a>, String> {
    let (name, argument) = match body.split_once('=') {
        Some((name, argument)) => (name, Some(argument)),
        None => (body, None),
    };
    let written = &word[..name.len() + 2];
    let option = OPTIONS
        .iter()
        .find(|o| o.long == Some(name))
        .ok_or_else(|| format!("Bad option `{written}' (argc {at})"))?;
    match (option.argument, argument) {
        (Some(wanted), None) => Err(format!(
            "Option `{written}' (argc {at}) requires an argument: `{written}={wanted}'"
        )),
        (_, argument) => Ok(Element::Option { option, written, argument, at }),
    }
}

/// A word of single-letter options. An option with an argument has to be the word's first one, and the
/// argument is the rest of the word or the next one. Returns the place of the last word that was used.
fn cluster<'a>(
    words: &'a [String],
    word: &'a str,
    at: usize,
    found: &mut Vec<Element<'a>>,
) -> Result<usize, String> {
    for (start, letter) in word.char_indices().skip(1) {
        let written = &word[start..start + letter.len_utf8()];
        let option = OPTIONS
            .iter()
            .find(|o| o.short == Some(letter))
            .ok_or_else(|| format!("Bad option `-{written}' (argc {at})"))?;
        let Some(wanted) = option.argument else {
            found.push(Element::Option { option, written, argument: None, at });
            continue;
        };
        let missing = || {
            format!("Option `-{written}' (argc {at}) requires an argument: `-{written} {wanted}'")
        };
        let rest = &word[start + letter.len_utf8()..];
        if start > 1 {
            return Err(missing());
        }
        let (argument, at) = if rest.is_empty() {
            (words.get(at).ok_or_else(missing)?.as_str(), at + 1)
        } else {
            (rest, at)
        };
        found.push(Element::Option { option, written, argument: Some(argument), at });
        return Ok(at);
    }
    Ok(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(line: &str) -> String {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        elements(&words).unwrap_err()
    }

    /// Seen on traceroute 2.1.2.
    #[test]
    fn bad_options_are_refused_in_the_real_words() {
        assert_eq!(refused("-Z"), "Bad option `-Z' (argc 1)");
        assert_eq!(refused("--foo 1.1.1.1"), "Bad option `--foo' (argc 1)");
        assert_eq!(refused("-m"), "Option `-m' (argc 1) requires an argument: `-m max_ttl'");
        assert_eq!(
            refused("--max-hops 2 1.1.1.1"),
            "Option `--max-hops' (argc 1) requires an argument: `--max-hops=max_ttl'"
        );
        assert_eq!(
            refused("-nq1 1.1.1.1"),
            "Option `-q' (argc 1) requires an argument: `-q nqueries'"
        );
    }
}
