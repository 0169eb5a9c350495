//! What was written in one namespace. Nothing is kept for what still has its default, so that a fresh
//! namespace costs nothing.

use std::collections::BTreeMap;

use crate::errno::Errno;
use crate::id::DevId;
use crate::sysctl::table::Sysctl;
use crate::sysctl::value::{self, Fallback, Kind, MAX, Value};

/// Whose setting it is, in the trees that have one folder a device.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Holder {
    /// `all`.
    All,
    /// `default`: what new devices start with.
    Default,
    /// A device.
    Dev(DevId),
}

/// Which tree of devices' settings that are only kept.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum KeptTree {
    /// `net.ipv6.conf`.
    Conf6,
    /// `net.ipv6.neigh`.
    Neigh6,
}

/// The settings of a namespace.
#[derive(Clone, Debug, Default)]
pub struct Sysctls {
    /// What was written, in no order: there is never much.
    written: Vec<(Sysctl, Value)>,
    /// What was written for devices in trees that are only kept, by holder and place of the file.
    kept: BTreeMap<(KeptTree, Holder, usize), i64>,
}

/// The ports that may be set.
const MAX_PORT: i64 = 65535;
/// The largest group id that is valid.
const MAX_GROUP: i64 = 4_294_967_294;
/// The logger of packets for any address family.
const NFNETLINK_LOG: &str = "nfnetlink_log";
/// The congestion control algorithms there are.
const CONGESTION: [&str; 2] = ["reno", "cubic"];

impl Sysctls {
    fn written(&self, key: Sysctl) -> Option<&Value> {
        self.written.iter().find(|(k, _)| *k == key).map(|(_, value)| value)
    }

    /// The number that `key` holds; the first one if it holds several.
    #[must_use]
    pub fn get(&self, key: Sysctl) -> i64 {
        self.numbers(key)[0]
    }

    /// Whether `key` is not zero.
    #[must_use]
    pub fn is_on(&self, key: Sysctl) -> bool {
        self.get(key) != 0
    }

    /// The numbers that `key` holds, behind them zeros.
    #[must_use]
    pub fn numbers(&self, key: Sysctl) -> [i64; 3] {
        match self.written(key) {
            Some(Value::One(value)) => [*value, 0, 0],
            Some(Value::Many(values)) => *values,
            Some(Value::Text(_)) => [0; 3],
            None => match key.row().default {
                Fallback::One(value) => [value, 0, 0],
                Fallback::Many(values) => values,
                Fallback::Text(_) => [0; 3],
            },
        }
    }

    /// The text that `key` shows.
    #[must_use]
    pub fn text(&self, key: Sysctl) -> String {
        let kind = key.row().kind;
        let count = if matches!(kind, Kind::PortRange | Kind::GroupRange) {
            2
        } else if kind == Kind::Sizes {
            3
        } else {
            1
        };
        let words = |values: [i64; 3]| {
            values[..count].iter().map(i64::to_string).collect::<Vec<_>>().join("\t")
        };
        match (self.written(key), key.row().default) {
            (Some(Value::Text(text)), _) => text.to_string(),
            (None, Fallback::Text(text)) => text.to_owned(),
            _ => words(self.numbers(key)),
        }
    }

    /// Keeps `value`.
    fn put(&mut self, key: Sysctl, value: Value) {
        match self.written.iter_mut().find(|(k, _)| *k == key) {
            Some((_, old)) => *old = value,
            None => self.written.push((key, value)),
        }
    }

    /// Writes `text` to the file of `key`.
    ///
    /// # Errors
    ///
    /// [`Errno::EINVAL`] for what it does not take; [`Errno::EACCES`] if it takes nothing;
    /// [`Errno::ENOENT`] for a congestion control algorithm or a logger that there is not.
    pub fn write(&mut self, key: Sysctl, text: &str) -> Result<(), Errno> {
        let kind = key.row().kind;
        let old = self.numbers(key);
        let check = |ok: bool| if ok { Ok(()) } else { Err(Errno::EINVAL) };
        let value = match kind {
            Kind::Int(..) | Kind::Shared(..) | Kind::Bool | Kind::Millis => {
                Value::One(value::scalar(kind, text)?)
            }
            Kind::AtLeast(least) => {
                let new = value::one(text)?;
                check(new >= self.get(least))?;
                Value::One(new)
            }
            Kind::AtMost(most) => {
                let new = value::one(text)?;
                check((0..=self.get(most)).contains(&new))?;
                Value::One(new)
            }
            Kind::PortStart => {
                let new = value::one(text)?;
                check((0..=self.get(Sysctl::IpLocalPortRange)).contains(&new))?;
                Value::One(new)
            }
            Kind::PortRange => {
                let new = value::vector(text, old, 2, 1, MAX_PORT)?;
                let start = self.get(Sysctl::IpUnprivilegedPortStart);
                check(new[0] <= new[1] && new[0] >= start)?;
                Value::Many(new)
            }
            Kind::GroupRange => {
                let new = value::vector(text, old, 2, 0, MAX_GROUP)?;
                Value::Many(if new[0] > new[1] { [1, 0, 0] } else { new })
            }
            Kind::Sizes => Value::Many(value::vector(text, old, 3, 1, MAX)?),
            Kind::PortList => Value::Text(value::port_list(text)?.into()),
            Kind::Congestion => {
                let name = CONGESTION.into_iter().find(|name| *name == text.trim());
                Value::Text(name.ok_or(Errno::ENOENT)?.into())
            }
            Kind::Logger => Value::Text(logger(key, text)?.into()),
            Kind::FastopenKey => Value::Text(value::fastopen_key(text)?.into()),
            Kind::Trigger => return Ok(()),
            Kind::Secret | Kind::ReadOnly => return Err(Errno::EACCES),
        };
        self.put(key, value);
        Ok(())
    }

    /// The ephemeral ports.
    #[must_use]
    pub fn local_ports(&self) -> (u16, u16) {
        let [first, last, _] = self.numbers(Sysctl::IpLocalPortRange);
        let port = |value: i64| u16::try_from(value).unwrap_or(u16::MAX);
        (port(first), port(last))
    }

    /// Whether root's group may open ping sockets (`ping_init_sock()`).
    #[must_use]
    pub fn root_may_ping(&self) -> bool {
        let [first, last, _] = self.numbers(Sysctl::PingGroupRange);
        first <= 0 && 0 <= last
    }

    /// What was written to the file at `leaf` of a tree that is only kept.
    #[must_use]
    pub fn kept(&self, tree: KeptTree, holder: Holder, leaf: usize) -> Option<i64> {
        self.kept.get(&(tree, holder, leaf)).copied()
    }

    /// Keeps what was written to the file at `leaf`.
    pub fn keep(&mut self, tree: KeptTree, holder: Holder, leaf: usize, value: i64) {
        self.kept.insert((tree, holder, leaf), value);
    }

    /// A new device starts with what `default` holds now.
    pub fn add_dev(&mut self, dev: DevId) {
        let copied: Vec<_> = self
            .kept
            .iter()
            .filter(|((_, holder, _), _)| *holder == Holder::Default)
            .map(|((tree, _, leaf), value)| ((*tree, Holder::Dev(dev), *leaf), *value))
            .collect();
        self.kept.extend(copied);
    }

    /// Forgets a device.
    pub fn remove_dev(&mut self, dev: DevId) {
        self.kept.retain(|(_, holder, _), _| *holder != Holder::Dev(dev));
    }
}

/// The logger that is meant: none, the kernel's own for the family of `key`, or the one that hands packets to programs.
fn logger(key: Sysctl, text: &str) -> Result<&'static str, Errno> {
    let own = match key.row().default {
        Fallback::Text(name) => name,
        Fallback::One(_) | Fallback::Many(_) => "NONE",
    };
    let name = text.split_whitespace().next();
    ["NONE", own, NFNETLINK_LOG].into_iter().find(|n| name == Some(n)).ok_or(Errno::ENOENT)
}
