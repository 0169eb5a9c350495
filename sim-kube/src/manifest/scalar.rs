//! What plain scalars mean to kubectl: YAML 1.1, as `gopkg.in/yaml.v2` reads it.

use serde_json::Number;

use super::node::{Scalar, Value};

/// What a scalar without quotes means.
pub(super) fn resolve(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            return Value::Scalar(Scalar::Bool(true));
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return Value::Scalar(Scalar::Bool(false));
        }
        _ => {}
    }
    Value::Scalar(number(text).map_or_else(|| Scalar::Text(text.to_owned()), Scalar::Number))
}

/// A number; JSON has none for infinities, which stay text.
fn number(text: &str) -> Option<Number> {
    if !text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c)) {
        return None;
    }
    let plain = text.replace('_', "");
    integer(&plain).or_else(|| {
        let number: f64 = is_float(&plain).then(|| plain.parse().ok())??;
        Number::from_f64(number)
    })
}

/// An integer, with the prefixes of Go: also `0755` is one in base 8.
fn integer(text: &str) -> Option<Number> {
    let (sign, digits) = match text.split_at_checked(1) {
        Some((sign @ ("+" | "-"), digits)) => (sign, digits),
        Some(_) | None => ("", text),
    };
    let prefix = digits.get(..2).map(str::to_ascii_lowercase);
    let (digits, radix) = match prefix.as_deref() {
        Some("0x") => (&digits[2..], 16),
        Some("0b") => (&digits[2..], 2),
        Some("0o") => (&digits[2..], 8),
        Some(other) if other.starts_with('0') => (&digits[1..], 8),
        Some(_) | None => (digits, 10),
    };
    if !digits.starts_with(|c: char| c.is_ascii_hexdigit()) {
        return None;
    }
    let signed = i64::from_str_radix(&format!("{sign}{digits}"), radix).map(Number::from);
    let unsigned = || u64::from_str_radix(digits, radix).map(Number::from);
    match sign {
        "-" => signed.ok(),
        _ => signed.or_else(|_| unsigned()).ok(),
    }
}

/// Whether it has the form of a decimal number: `1`, `.5`, `08`, `1.`, `1e3`.
fn is_float(text: &str) -> bool {
    let text = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let is_exponent = |text: &str| {
        let text = text.strip_prefix(['+', '-']).unwrap_or(text);
        !text.is_empty() && digits(text)
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    digits(whole)
        && digits(fraction)
        && !(whole.is_empty() && fraction.is_empty())
        && exponent.is_none_or(is_exponent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_scalars_mean_what_yaml_1_1_says() {
        let text = |text: &str| Value::Scalar(Scalar::Text(text.to_owned()));
        let bool = |value| Value::Scalar(Scalar::Bool(value));
        let int = |number: i64| Value::Scalar(Scalar::Number(number.into()));
        let float = |number| Value::Scalar(Scalar::Number(Number::from_f64(number).unwrap()));
        let cases = [
            ("yes", bool(true)),
            ("y", bool(true)),
            ("On", bool(true)),
            ("oN", text("oN")),
            ("off", bool(false)),
            ("0755", int(0o755)),
            ("0o17", int(0o17)),
            ("0x1F", int(31)),
            ("-0b11", int(-3)),
            ("08", float(8.0)),
            ("0", int(0)),
            ("1_000", int(1000)),
            ("18446744073709551615", Value::Scalar(Scalar::Number(u64::MAX.into()))),
            ("1e3", float(1000.0)),
            ("1.", float(1.0)),
            (".5", float(0.5)),
            (".", text(".")),
            ("-", text("-")),
            ("10.0.0.1", text("10.0.0.1")),
            ("10.0", float(10.0)),
            ("1:30", text("1:30")),
            ("2001-01-01", text("2001-01-01")),
            ("100m", text("100m")),
            ("0x", text("0x")),
            ("++1", text("++1")),
            ("~", Value::Null),
            ("NULL", Value::Null),
            ("none", text("none")),
        ];
        for (scalar, value) in cases {
            assert_eq!(resolve(scalar), value, "{scalar}");
        }
    }
}
