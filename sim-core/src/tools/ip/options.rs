//! What stands between `ip` or `bridge` and the object.

use crate::family::AddressFamily;
use crate::id::NetnsId;

/// The families that `-family` and its short forms choose from.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Family {
    /// Not said: every family, or the one that an address implies.
    #[default]
    Unspec,
    /// `-4`.
    Inet,
    /// `-6`.
    Inet6,
    /// `-0`, `-family link`.
    Packet,
    /// `-M`.
    Mpls,
    /// `-B`.
    Bridge,
}

impl Family {
    /// The family by the name that `-family` takes (`read_family()`).
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "inet" => Self::Inet,
            "inet6" => Self::Inet6,
            "link" => Self::Packet,
            "mpls" => Self::Mpls,
            "bridge" => Self::Bridge,
            _ => return None,
        })
    }

    /// The family of addresses, if it is one.
    pub(crate) fn addresses(self) -> Option<AddressFamily> {
        match self {
            Self::Inet => Some(AddressFamily::Inet),
            Self::Inet6 => Some(AddressFamily::Inet6),
            Self::Unspec | Self::Packet | Self::Mpls | Self::Bridge => None,
        }
    }
}

/// When colours are used.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Colour {
    /// Never, as when nothing is said.
    #[default]
    Never,
    /// If standard output is a terminal.
    Auto,
    /// Always.
    Always,
}

/// The options of `ip` and `bridge`.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Options {
    /// `-family`.
    pub(crate) family: Family,
    /// How often `-statistics` was given.
    pub(crate) stats: u8,
    /// How often `-details` was given.
    pub(crate) details: u8,
    /// `-oneline`: no line feeds within an object.
    pub(crate) oneline: bool,
    /// `-brief`.
    pub(crate) brief: bool,
    /// `-json`.
    pub(crate) json: bool,
    /// `-pretty`.
    pub(crate) pretty: bool,
    /// `-color`.
    pub(crate) colour: Colour,
    /// Whether standard output is a terminal.
    pub(crate) to_terminal: bool,
    /// `-Numeric`: numbers instead of the names of protocols, scopes, tables.
    pub(crate) numeric: bool,
    /// `-human-readable`: counters with a suffix.
    pub(crate) human: bool,
    /// `-iec`: the suffixes stand for powers of 1024.
    pub(crate) iec: bool,
    /// `-timestamp`.
    pub(crate) timestamp: bool,
    /// `-tshort`.
    pub(crate) timestamp_short: bool,
    /// `-force`: a batch goes on behind an error.
    pub(crate) force: bool,
    /// `-batch`: where the commands are read from.
    pub(crate) batch: Option<String>,
    /// `-netns`: the namespace that the command goes on in.
    pub(crate) netns: Option<NetnsId>,
    /// `-all`: all namespaces.
    pub(crate) all: bool,
    /// `-loops`: how often a flush may begin anew.
    pub(crate) flush_loops: i32,
}

impl Options {
    /// Whether text is coloured.
    pub(crate) fn paints(&self) -> bool {
        match self.colour {
            Colour::Always => !self.json,
            Colour::Auto => !self.json && self.to_terminal,
            Colour::Never => false,
        }
    }
}
