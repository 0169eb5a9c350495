//! Types of service: what they are called, the names of RFC 1349 and the classes of RFC 2474 and its successors, and
//! how they are changed.

use crate::kernel::Flight;
use crate::netfilter::xtables::extension::Problem;
use crate::netfilter::xtables::targets::Sentence;
use crate::netfilter::xtables::value;
use crate::packet::rewrite::ipv4_change_dsfield;

/// The names of types of service, whose mask is [`SYMBOL_MASK`] (`tos_symbol_names`).
const SYMBOLS: &[(&str, u8)] = &[
    ("Minimize-Delay", 0x10),
    ("Maximize-Throughput", 0x08),
    ("Maximize-Reliability", 0x04),
    ("Minimize-Cost", 0x02),
    ("Normal-Service", 0x00),
];

/// The bits that a name says something about.
const SYMBOL_MASK: u8 = 0x3f;

/// The classes of differentiated services.
const CLASSES: &[(&str, u8)] = &[
    ("CS0", 0x00),
    ("CS1", 0x08),
    ("CS2", 0x10),
    ("CS3", 0x18),
    ("CS4", 0x20),
    ("CS5", 0x28),
    ("CS6", 0x30),
    ("CS7", 0x38),
    ("BE", 0x00),
    ("AF11", 0x0a),
    ("AF12", 0x0c),
    ("AF13", 0x0e),
    ("AF21", 0x12),
    ("AF22", 0x14),
    ("AF23", 0x16),
    ("AF31", 0x1a),
    ("AF32", 0x1c),
    ("AF33", 0x1e),
    ("AF41", 0x22),
    ("AF42", 0x24),
    ("AF43", 0x26),
    ("EF", 0x2e),
];

fn find(names: &[(&str, u8)], word: &str) -> Option<u8> {
    names.iter().find(|(name, _)| name.eq_ignore_ascii_case(word)).map(|(_, value)| *value)
}

/// Reads `VALUE[/MASK]` or a name (`xtopt_parse_tosmask()`).
///
/// # Errors
/// It is neither.
pub(super) fn read_tos(word: &str) -> Result<(u8, u8), Problem> {
    let byte = |number: u64| u8::try_from(number).ok();
    let number = value::leading_number(word).and_then(|(number, rest)| Some((byte(number)?, rest)));
    let Some((value, rest)) = number else {
        let unknown = || Problem::Parameter(format!("Symbolic name \"{word}\" is unknown"));
        return find(SYMBOLS, word).map(|value| (value, SYMBOL_MASK)).ok_or_else(unknown);
    };
    let mask = match rest.strip_prefix('/') {
        None if rest.is_empty() => Some(u8::MAX),
        None => None,
        Some(mask) => value::whole_number(mask, 0, u8::MAX.into()).and_then(byte),
    };
    let illegal = || Problem::Parameter(format!("Illegal value: \"{word}\""));
    mask.map(|mask| (value, mask)).ok_or_else(illegal)
}

/// What these bits are called (`tos_try_print_symbolic()`).
pub(super) fn symbol(value: u8, mask: u8) -> Option<&'static str> {
    let named = SYMBOLS.iter().find(|(_, tos)| *tos == value && mask == SYMBOL_MASK);
    named.map(|(name, _)| *name)
}

/// Gives the packet at the network header the type of service `(tos & !mask) ^ value` (`tos_tg()`, `dscp_tg()`).
pub(super) fn change(f: &mut Flight, value: u8, mask: u8) -> Sentence {
    let Some(tos) = f.skb.network_header().get(1).copied() else { return Sentence::Continue };
    let changed = (tos & !mask) ^ value;
    if changed != tos {
        ipv4_change_dsfield(f.skb.network_header_mut(), 0, changed);
    }
    Sentence::Continue
}

/// The code point of a class (`class_to_dscp()`).
///
/// # Errors
/// There is none of this name.
pub(super) fn read_class(word: &str) -> Result<u8, Problem> {
    let unknown = || Problem::Parameter(format!("Invalid DSCP value `{word}'"));
    find(CLASSES, word).ok_or_else(unknown)
}
