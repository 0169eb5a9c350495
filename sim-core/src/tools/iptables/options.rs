//! The options that every command line knows, and which of them go with which command.

use super::words::{Long, Takes};

/// The letters, as `getopt(3)` takes them; operands come in order.
pub(super) const LETTERS: &str =
    "A:C:D:E:F::I:L::M:N:P:VX::Z::c:d:i:j:o:p:s:t:R:S::W::46bfg:h::m:nvw::x";

const fn long(name: &'static str, takes: Takes, letter: char) -> Long<char> {
    Long { name, takes, id: letter }
}

/// The options that are spelled out. What extensions add stands behind these.
pub(super) const LONG: &[Long<char>] = &[
    long("append", Takes::Argument, 'A'),
    long("delete", Takes::Argument, 'D'),
    long("check", Takes::Argument, 'C'),
    long("insert", Takes::Argument, 'I'),
    long("replace", Takes::Argument, 'R'),
    long("list", Takes::Optional, 'L'),
    long("list-rules", Takes::Optional, 'S'),
    long("flush", Takes::Optional, 'F'),
    long("zero", Takes::Optional, 'Z'),
    long("new-chain", Takes::Argument, 'N'),
    long("delete-chain", Takes::Optional, 'X'),
    long("rename-chain", Takes::Argument, 'E'),
    long("policy", Takes::Argument, 'P'),
    long("source", Takes::Argument, 's'),
    long("destination", Takes::Argument, 'd'),
    long("src", Takes::Argument, 's'),
    long("dst", Takes::Argument, 'd'),
    long("protocol", Takes::Argument, 'p'),
    long("in-interface", Takes::Argument, 'i'),
    long("jump", Takes::Argument, 'j'),
    long("table", Takes::Argument, 't'),
    long("match", Takes::Argument, 'm'),
    long("numeric", Takes::Nothing, 'n'),
    long("out-interface", Takes::Argument, 'o'),
    long("verbose", Takes::Nothing, 'v'),
    long("wait", Takes::Optional, 'w'),
    long("wait-interval", Takes::Optional, 'W'),
    long("exact", Takes::Nothing, 'x'),
    long("fragments", Takes::Nothing, 'f'),
    long("version", Takes::Nothing, 'V'),
    long("help", Takes::Optional, 'h'),
    long("line-numbers", Takes::Nothing, '0'),
    long("modprobe", Takes::Argument, 'M'),
    long("set-counters", Takes::Argument, 'c'),
    long("goto", Takes::Argument, 'g'),
    long("ipv4", Takes::Nothing, '4'),
    long("ipv6", Takes::Nothing, '6'),
];

/// A command. `-L` and `-S` may stand beside `-Z`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Command {
    Insert,
    Delete,
    DeleteNumber,
    Replace,
    Append,
    List,
    Flush,
    Zero,
    NewChain,
    DeleteChain,
    Policy,
    Rename,
    ListRules,
    ZeroNumber,
    Check,
}

impl Command {
    /// Its letter.
    pub(super) const fn letter(self) -> char {
        match self {
            Self::Insert => 'I',
            Self::Delete | Self::DeleteNumber => 'D',
            Self::Replace => 'R',
            Self::Append => 'A',
            Self::List => 'L',
            Self::Flush => 'F',
            Self::Zero | Self::ZeroNumber => 'Z',
            Self::NewChain => 'N',
            Self::DeleteChain => 'X',
            Self::Policy => 'P',
            Self::Rename => 'E',
            Self::ListRules => 'S',
            Self::Check => 'C',
        }
    }

    /// Whether it comes with the words of a rule.
    pub(super) const fn has_rule(self) -> bool {
        matches!(self, Self::Insert | Self::Delete | Self::Replace | Self::Append | Self::Check)
    }

    /// Whether an option may stand beside it.
    const fn allows(self, option: char) -> bool {
        match option {
            'v' => true,
            'c' => matches!(self, Self::Insert | Self::Replace | Self::Append | Self::Policy),
            'n' | 'x' | '0' => matches!(self, Self::List),
            _ => self.has_rule(),
        }
    }
}

/// The options that commands are asked about, in order; `0` is `--line-numbers`.
const ASKED: [char; 12] = ['n', 's', 'd', 'p', 'j', 'v', 'x', 'i', 'o', '0', 'c', 'f'];

/// The first of the options that none of the commands allows.
pub(super) fn illegal(commands: &[Command], given: &[char]) -> Option<char> {
    let allowed = |option: char| commands.iter().any(|command| command.allows(option));
    ASKED.into_iter().find(|option| given.contains(option) && !allowed(*option))
}

/// Whether `!` may stand before an option.
pub(super) const fn is_invertible(option: char) -> bool {
    matches!(option, 's' | 'd' | 'p' | 'i' | 'o' | 'f')
}
