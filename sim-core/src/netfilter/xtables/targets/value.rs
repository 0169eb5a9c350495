//! What options of targets say, by the kind that they declare. Each of these is given a value of that kind.

use crate::netfilter::xtables::extension::Value;

/// A number of 32 bits.
pub(super) fn u32(value: &Value<'_>) -> u32 {
    let Value::Number(n) = value else { return 0 };
    u32::try_from(*n).unwrap_or(u32::MAX)
}

/// A value and its mask; all bits count where none was named.
pub(super) fn mark_mask(value: &Value<'_>) -> (u32, u32) {
    let Value::MarkMask(value, mask) = value else { return (0, u32::MAX) };
    (*value, *mask)
}
