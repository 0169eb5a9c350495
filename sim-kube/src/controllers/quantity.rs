//! Numbers that are counts or shares (`IntOrString`).

use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

/// Which way a share of something is rounded.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Rounding {
    Up,
    Down,
}

/// So many of `total`; `None` if the text is no percentage.
pub(super) fn scaled(value: &IntOrString, total: i32, rounding: Rounding) -> Option<i32> {
    match value {
        IntOrString::Int(count) => Some(*count),
        IntOrString::String(text) => {
            let percent: i64 = text.strip_suffix('%')?.parse().ok()?;
            let hundredths = percent.checked_mul(total.into())?;
            let rounded = match rounding {
                Rounding::Up => hundredths.checked_add(99)?.div_euclid(100),
                Rounding::Down => hundredths.div_euclid(100),
            };
            i32::try_from(rounded).ok()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_rounded_the_way_that_is_asked_for() {
        let quarter = IntOrString::String("25%".into());
        assert_eq!(scaled(&quarter, 10, Rounding::Up), Some(3));
        assert_eq!(scaled(&quarter, 10, Rounding::Down), Some(2));
        assert_eq!(scaled(&quarter, 0, Rounding::Up), Some(0));
        assert_eq!(scaled(&IntOrString::Int(7), 3, Rounding::Up), Some(7));
        assert_eq!(scaled(&IntOrString::String("7".into()), 3, Rounding::Up), None);
    }
}
