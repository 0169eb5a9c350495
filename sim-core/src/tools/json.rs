//! JSON as iproute2 writes it: compact on one line, or pretty with its own idea of line feeds.

use std::fmt::Write as _;

/// A value without parts.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Scalar {
    /// Text.
    Text(String),
    /// A number.
    Number(i64),
    /// A large number.
    Unsigned(u64),
    /// Something written as it is, such as a decimal fraction.
    Raw(String),
    /// True or false.
    Bool(bool),
    /// Nothing, which iproute2 uses for flags.
    Null,
}

impl From<&str> for Scalar {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Scalar {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<bool> for Scalar {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<u64> for Scalar {
    fn from(value: u64) -> Self {
        Self::Unsigned(value)
    }
}

/// Lets small integers be values.
macro_rules! from_small {
    ($($int:ty)*) => {$(
        impl From<$int> for Scalar {
            fn from(value: $int) -> Self {
                Self::Number(value.into())
            }
        }
    )*};
}

from_small! { u8 u16 u32 i32 }

/// Writes nested values from left to right.
#[derive(Clone, Debug)]
pub(crate) struct Writer {
    out: String,
    pretty: bool,
    depth: usize,
    /// What has to stand before the next value: a comma behind a value, nothing behind a bracket.
    comma: bool,
}

impl Writer {
    /// Nothing written yet.
    pub(crate) fn new(pretty: bool) -> Self {
        Self { out: String::new(), pretty, depth: 0, comma: false }
    }

    /// All that was written.
    pub(crate) fn finish(self) -> String {
        self.out
    }

    /// Writes what is no JSON between values.
    pub(crate) fn raw(&mut self, text: &str) {
        self.out.push_str(text);
    }

    fn separate(&mut self) {
        if self.comma {
            self.out.push(',');
        }
        self.comma = true;
    }

    fn line_feed(&mut self) {
        if self.pretty {
            self.out.push('\n');
            for _ in 0..self.depth {
                self.out.push_str("    ");
            }
        }
    }

    /// Writes a member's name.
    fn name(&mut self, name: &str) {
        self.separate();
        self.line_feed();
        self.comma = false;
        self.text(name);
        self.out.push(':');
        if self.pretty {
            self.out.push(' ');
        }
    }

    fn text(&mut self, text: &str) {
        self.out.push('"');
        for c in text.chars() {
            match c {
                '\t' => self.out.push_str("\\t"),
                '\n' => self.out.push_str("\\n"),
                '\r' => self.out.push_str("\\r"),
                '\x0c' => self.out.push_str("\\f"),
                '\x08' => self.out.push_str("\\b"),
                '\\' => self.out.push_str("\\\\"),
                '"' => self.out.push_str("\\\""),
                c => self.out.push(c),
            }
        }
        self.out.push('"');
    }

    fn open(&mut self, bracket: char) {
        self.separate();
        self.out.push(bracket);
        self.depth += 1;
        self.comma = false;
    }

    fn close(&mut self, bracket: char) {
        self.depth = self.depth.saturating_sub(1);
        if self.comma {
            self.line_feed();
        }
        self.out.push(bracket);
        self.comma = true;
    }

    /// Begins an object, a member called `name` unless it stands in an array.
    pub(crate) fn open_object(&mut self, name: Option<&str>) {
        if let Some(name) = name {
            self.name(name);
        }
        self.open('{');
    }

    /// Ends an object.
    pub(crate) fn close_object(&mut self) {
        self.close('}');
    }

    /// Begins an array, a member called `name` unless it stands alone.
    pub(crate) fn open_array(&mut self, name: Option<&str>) {
        if let Some(name) = name {
            self.name(name);
        }
        self.open('[');
        if self.pretty {
            self.out.push(' ');
        }
    }

    /// Ends an array.
    pub(crate) fn close_array(&mut self) {
        if self.pretty && self.comma {
            self.out.push(' ');
        }
        self.comma = false;
        self.close(']');
    }

    /// Writes a value, a member called `name` unless it stands in an array.
    pub(crate) fn value(&mut self, name: Option<&str>, value: &Scalar) {
        if let Some(name) = name {
            self.name(name);
        }
        self.separate();
        let written = match value {
            Scalar::Text(text) => {
                self.text(text);
                Ok(())
            }
            Scalar::Number(number) => write!(self.out, "{number}"),
            Scalar::Unsigned(number) => write!(self.out, "{number}"),
            Scalar::Raw(text) => write!(self.out, "{text}"),
            Scalar::Bool(value) => write!(self.out, "{value}"),
            Scalar::Null => write!(self.out, "null"),
        };
        written.expect("a string takes everything");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(pretty: bool) -> String {
        let mut w = Writer::new(pretty);
        w.open_array(None);
        w.open_object(None);
        w.close_object();
        w.open_object(None);
        w.value(Some("ifindex"), &Scalar::from(2));
        w.open_array(Some("flags"));
        w.value(None, &Scalar::from("UP"));
        w.value(None, &Scalar::from("LOWER_UP"));
        w.close_array();
        w.open_array(Some("addr_info"));
        w.close_array();
        w.close_object();
        w.close_array();
        w.finish()
    }

    /// As `ip -j addr` and `ip -j -p addr` of iproute2 6.1.0 lay it out.
    #[test]
    fn the_layout_is_iproute2s() {
        let compact = "[{},{\"ifindex\":2,\"flags\":[\"UP\",\"LOWER_UP\"],\"addr_info\":[]}]";
        assert_eq!(sample(false), compact);
        let pretty = "[ {},{\n        \"ifindex\": 2,\n        \
            \"flags\": [ \"UP\",\"LOWER_UP\" ],\n        \"addr_info\": [ ]\n    } ]";
        assert_eq!(sample(true), pretty);
    }
}
