//! What `iptables-restore` reads.

use std::fmt;
use std::fmt::Write as _;

/// The change of a table: chains are declared first, rules follow.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    chains: String,
    rules: String,
}

impl Table {
    /// Declares a chain, which makes it, or empties it if it is there.
    pub(super) fn chain(&mut self, name: &str) {
        put(&mut self.chains, format_args!(":{name} - [0:0]\n"));
    }

    /// Puts a rule at the end of a chain.
    pub(super) fn rule(&mut self, chain: &str, rule: fmt::Arguments<'_>) {
        put(&mut self.rules, format_args!("-A {chain} {rule}\n"));
    }

    /// Removes a chain, which has to be empty.
    pub(super) fn remove(&mut self, chain: &str) {
        put(&mut self.rules, format_args!("-X {chain}\n"));
    }

    /// Writes it as the change of the table called `name`.
    pub(super) fn write(&self, name: &str, out: &mut String) {
        put(out, format_args!("*{name}\n{}{}COMMIT\n", self.chains, self.rules));
    }
}

fn put(out: &mut String, text: fmt::Arguments<'_>) {
    out.write_fmt(text).expect("a string takes everything");
}

/// The probability that the first of `n` is chosen, as rules have it (`%0.10f` of 1/n).
pub(super) fn probability(n: usize) -> String {
    const ONE: usize = 10_000_000_000;
    let (mut share, rest) = (ONE / n, ONE % n);
    // Halves go to the even neighbour.
    if rest * 2 > n || rest * 2 == n && share % 2 == 1 {
        share += 1;
    }
    format!("0.{share:010}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `%0.10f` of Go prints them.
    #[test]
    fn a_probability_has_ten_digits_and_is_rounded() {
        let cases = [
            (2, "0.5000000000"),
            (3, "0.3333333333"),
            (6, "0.1666666667"),
            (7, "0.1428571429"),
            (991, "0.0010090817"),
            (2048, "0.0004882812"),
        ];
        for (n, text) in cases {
            assert_eq!(probability(n), text);
        }
    }
}
