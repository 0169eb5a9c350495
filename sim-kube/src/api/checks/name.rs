//! Names (`apimachinery/pkg/util/validation`). Each function answers what is wrong with one.

const DNS1123_LABEL: &str = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
const DNS1123_SUBDOMAIN: &str = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*";
const DNS1035_LABEL: &str = "[a-z]([-a-z0-9]*[a-z0-9])?";
const QUALIFIED: &str = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]";
const LABEL_VALUE: &str = "(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?";
const UNDERSCORED: &str = r"_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?(\._?[a-z0-9]([-_a-z0-9]*[a-z0-9])?)*";

/// How long a label of a name may be.
const MAX_LABEL: usize = 63;
/// How long a name may be.
const MAX_SUBDOMAIN: usize = 253;

/// A label of a name, after RFC 1123.
pub(in crate::api) fn dns1123_label(text: &str) -> Vec<String> {
    let mut wrong = too_long(text, MAX_LABEL);
    if is_subdomain(text) && text.contains('.') {
        wrong.push("must not contain dots".to_owned());
    } else if !is_label(text) {
        wrong.push(pattern(
            "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start \
             and end with an alphanumeric character",
            DNS1123_LABEL,
            &["my-name", "123-abc"],
        ));
    }
    wrong
}

/// A name, after RFC 1123.
pub(in crate::api) fn dns1123_subdomain(text: &str) -> Vec<String> {
    let mut wrong = too_long(text, MAX_SUBDOMAIN);
    if !is_subdomain(text) {
        wrong.push(pattern(
            "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must \
             start and end with an alphanumeric character",
            DNS1123_SUBDOMAIN,
            &["example.com"],
        ));
    }
    wrong
}

/// A name, after RFC 1123, whose labels may have underscores.
pub(in crate::api) fn underscored_subdomain(text: &str) -> Vec<String> {
    let mut wrong = too_long(text, MAX_SUBDOMAIN);
    let is_wrong = |label: &str| {
        let label = label.strip_prefix('_').unwrap_or(label);
        label.starts_with('_') || label.ends_with('_') || !is_label(&label.replace('_', "-"))
    };
    if text.split('.').any(is_wrong) {
        wrong.push(pattern(
            "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and \
             must start and end with an alphanumeric character",
            UNDERSCORED,
            &["example.com"],
        ));
    }
    wrong
}

/// A label of a name, after RFC 1035: it begins with a letter.
pub(in crate::api) fn dns1035_label(text: &str) -> Vec<String> {
    let mut wrong = too_long(text, MAX_LABEL);
    if !is_label(text) || text.starts_with(|c: char| c.is_ascii_digit()) {
        wrong.push(pattern(
            "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic \
             character, and end with an alphanumeric character",
            DNS1035_LABEL,
            &["my-name", "abc-123"],
        ));
    }
    wrong
}

/// A name of a domain, with at least two labels; it may end with a dot.
pub(in crate::api) fn fully_qualified_domain(text: &str) -> Vec<String> {
    let name = text.strip_suffix('.').unwrap_or(text);
    let mut wrong = dns1123_subdomain(name);
    if wrong.is_empty() && !name.contains('.') {
        wrong.push("should be a domain with at least two segments separated by dots".to_owned());
    }
    wrong
}

/// The key of a label: a name, with the name of a domain and `/` before it or not.
pub(in crate::api) fn qualified(text: &str) -> Vec<String> {
    const WHAT: &str = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an \
                        alphanumeric character";
    const EXAMPLES: &[&str] = &["MyName", "my.name", "123-abc"];
    let mut wrong = Vec::new();
    let name = match text.split('/').collect::<Vec<&str>>().as_slice() {
        [name] => *name,
        [prefix, name] => {
            if prefix.is_empty() {
                wrong.push("prefix part must be non-empty".to_owned());
            } else {
                wrong.extend(
                    dns1123_subdomain(prefix).iter().map(|why| format!("prefix part {why}")),
                );
            }
            *name
        }
        _ => {
            return vec![format!(
                "a valid label key {} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')",
                pattern(WHAT, QUALIFIED, EXAMPLES)
            )];
        }
    };
    if name.is_empty() {
        wrong.push("name part must be non-empty".to_owned());
    }
    wrong.extend(too_many_bytes(name).iter().map(|why| format!("name part {why}")));
    if !is_qualified(name) {
        wrong.push(format!("name part {}", pattern(WHAT, QUALIFIED, EXAMPLES)));
    }
    wrong
}

/// The value of a label.
pub(in crate::api) fn label_value(text: &str) -> Vec<String> {
    let mut wrong = too_many_bytes(text);
    if !text.is_empty() && !is_qualified(text) {
        wrong.push(pattern(
            "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must \
             start and end with an alphanumeric character",
            LABEL_VALUE,
            &["MyValue", "my_value", "12345"],
        ));
    }
    wrong
}

/// The name of a header of HTTP.
pub(in crate::api) fn http_header(text: &str) -> Vec<String> {
    let is_known = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let wrong = text.is_empty() || !text.bytes().all(is_known);
    let message = || {
        pattern(
            "a valid HTTP header must consist of alphanumeric characters or '-'",
            "[-A-Za-z0-9]+",
            &["X-Header-Name"],
        )
    };
    wrong.then(message).into_iter().collect()
}

/// What is said of what is no share in percent.
pub(in crate::api) fn percent() -> String {
    pattern(
        "a valid percent string must be a numeric string followed by an ending '%'",
        "[0-9]+%",
        &["1%", "93%"],
    )
}

fn is_label(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !text.is_empty() && text.bytes().all(inner) && !text.starts_with('-') && !text.ends_with('-')
}

fn is_subdomain(text: &str) -> bool {
    text.split('.').all(is_label)
}

fn is_qualified(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let outer = |c: char| c.is_ascii_alphanumeric();
    text.bytes().all(inner) && text.starts_with(outer) && text.ends_with(outer)
}

/// What is said of what is longer than `max` bytes, which it calls characters.
pub(super) fn too_long(text: &str, max: usize) -> Vec<String> {
    let message = || format!("must be no more than {max} characters");
    (text.len() > max).then(message).into_iter().collect()
}

/// What is said of keys and values of labels that are too long.
fn too_many_bytes(text: &str) -> Vec<String> {
    let message = || format!("must be no more than {MAX_LABEL} bytes");
    (text.len() > MAX_LABEL).then(message).into_iter().collect()
}

/// What is said of what does not match a pattern (`RegexError()`).
fn pattern(what: &str, pattern: &str, examples: &[&str]) -> String {
    let examples: Vec<String> = examples.iter().map(|example| format!("'{example}', ")).collect();
    format!("{what} (e.g. {}regex used for validation is '{pattern}')", examples.join(" or "))
}
