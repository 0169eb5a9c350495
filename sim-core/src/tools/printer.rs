//! Printing one thing in two ways: as text for people, or as JSON.
//!
//! Every piece of output is said once, with its key and value for JSON and its wording for text; which
//! of them is used was decided when the printer was made.

use std::fmt::{self, Write as _};

use crate::tools::ip::options::Options;
use crate::tools::json::{Scalar, Writer};

/// What a piece of text is, which decides its colour.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Paint {
    /// Nothing of note.
    Plain,
    /// A device's name.
    Device,
    /// A link layer address.
    Mac,
    /// An IPv4 address.
    Inet,
    /// An IPv6 address.
    Inet6,
    /// The state of a device that is up.
    Up,
    /// The state of a device that is down.
    Down,
}

impl Paint {
    /// The escape sequence, of the colours for a light background.
    fn escape(self) -> Option<&'static str> {
        Some(match self {
            Self::Plain => return None,
            Self::Device => "\x1b[36m",
            Self::Mac => "\x1b[33m",
            Self::Inet => "\x1b[35m",
            Self::Inet6 => "\x1b[34m",
            Self::Up => "\x1b[32m",
            Self::Down => "\x1b[31m",
        })
    }
}

const END_OF_PAINT: &str = "\x1b[0m";

/// Collects what is printed.
#[derive(Debug)]
pub(crate) struct Printer {
    text: String,
    json: Option<Writer>,
    colour: bool,
    /// What a line feed within an object is: `-oneline` has a backslash instead.
    line_feed: &'static str,
}

impl Printer {
    /// A printer for one object, without the array that a list of objects stands in.
    pub(crate) fn single(options: &Options) -> Self {
        Self {
            text: String::new(),
            json: options.json.then(|| Writer::new(options.pretty)),
            colour: options.paints(),
            line_feed: if options.oneline { "\\" } else { "\n" },
        }
    }

    /// A printer for a list of objects.
    pub(crate) fn list(options: &Options) -> Self {
        let mut printer = Self::single(options);
        if let Some(json) = &mut printer.json {
            json.open_array(None);
        }
        printer
    }

    /// The list as text, or as JSON on a line of its own.
    pub(crate) fn finish_list(mut self) -> String {
        if let Some(json) = &mut self.json {
            json.close_array();
        }
        self.finish()
    }

    /// What was printed.
    pub(crate) fn finish(self) -> String {
        match self.json {
            Some(json) => json.finish() + "\n",
            None => self.text,
        }
    }

    /// Whether JSON is printed.
    pub(crate) fn is_json(&self) -> bool {
        self.json.is_some()
    }

    /// Prints a member in either way.
    pub(crate) fn any(&mut self, key: &str, value: impl Into<Scalar>, text: fmt::Arguments<'_>) {
        match &mut self.json {
            Some(json) => json.value(Some(key), &value.into()),
            None => self.text.write_fmt(text).expect("a string takes everything"),
        }
    }

    /// Prints a member in either way, the text in colour.
    pub(crate) fn painted(
        &mut self,
        paint: Paint,
        key: &str,
        value: impl Into<Scalar>,
        text: fmt::Arguments<'_>,
    ) {
        match &mut self.json {
            Some(json) => json.value(Some(key), &value.into()),
            None => self.paint(paint, text),
        }
    }

    /// Prints in colour, as text only.
    pub(crate) fn paint(&mut self, paint: Paint, text: fmt::Arguments<'_>) {
        if self.json.is_some() {
            return;
        }
        let escape = paint.escape().filter(|_| self.colour);
        self.text.push_str(escape.unwrap_or_default());
        self.text.write_fmt(text).expect("a string takes everything");
        self.text.push_str(escape.map_or("", |_| END_OF_PAINT));
    }

    /// Prints an element of an array in either way.
    pub(crate) fn element(&mut self, value: impl Into<Scalar>, text: fmt::Arguments<'_>) {
        match &mut self.json {
            Some(json) => json.value(None, &value.into()),
            None => self.text.write_fmt(text).expect("a string takes everything"),
        }
    }

    /// Prints as text only.
    pub(crate) fn text(&mut self, text: &str) {
        if self.json.is_none() {
            self.text.push_str(text);
        }
    }

    /// Prints as it stands, in JSON too.
    pub(crate) fn raw(&mut self, text: &str) {
        match &mut self.json {
            Some(json) => json.raw(text),
            None => self.text.push_str(text),
        }
    }

    /// Prints formatted, as text only.
    pub(crate) fn fmt(&mut self, text: fmt::Arguments<'_>) {
        if self.json.is_none() {
            self.text.write_fmt(text).expect("a string takes everything");
        }
    }

    /// Begins a new line within an object, as text only (`print_nl()`).
    pub(crate) fn new_line(&mut self) {
        self.text(self.line_feed);
    }

    /// Prints a member as JSON only.
    pub(crate) fn json(&mut self, key: &str, value: impl Into<Scalar>) {
        if let Some(json) = &mut self.json {
            json.value(Some(key), &value.into());
        }
    }

    /// Begins an object, as JSON only.
    pub(crate) fn open_object(&mut self, key: Option<&str>) {
        if let Some(json) = &mut self.json {
            json.open_object(key);
        }
    }

    /// Ends an object.
    pub(crate) fn close_object(&mut self) {
        if let Some(json) = &mut self.json {
            json.close_object();
        }
    }

    /// Begins an array, as JSON only.
    pub(crate) fn open_array(&mut self, key: Option<&str>) {
        if let Some(json) = &mut self.json {
            json.open_array(key);
        }
    }

    /// Ends an array.
    pub(crate) fn close_array(&mut self) {
        if let Some(json) = &mut self.json {
            json.close_array();
        }
    }
}
