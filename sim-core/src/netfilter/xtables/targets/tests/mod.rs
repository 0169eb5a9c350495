//! What `iptables` 1.8.9 says of each target, in both of its variants, and what Linux 6.18 answers.

mod lab;
mod logs;
mod marks;
mod mss;
mod nat;
mod reader;
mod reject;
mod tracking;

use crate::family::AddressFamily;
use crate::netfilter::Hook;
use crate::netfilter::xtables::extension::{Place, Problem, Style};
use crate::netfilter::xtables::rule::TableName;
use crate::netfilter::xtables::table::Variant;

use reader::Line;

/// `> TABLE CHAIN RULE`, as `iptables -t TABLE -A CHAIN RULE` was asked, and below it what was seen: `S`, what
/// `-S` shows behind the target's name; `N`, what `-nL` does; `L`, what `-L` does where that differs; `K`, the
/// error of the kernel; `E`, the exit status and the message of the tool. A line that holds for one variant
/// only begins with that variant's name.
const OBSERVED: [(AddressFamily, &str); 2] = [
    (AddressFamily::Inet, include_str!("observed.txt")),
    // The targets whose form is IPv6's own, as `ip6tables` was asked.
    (AddressFamily::Inet6, include_str!("observed6.txt")),
];

/// What was seen of one rule by one variant.
struct Entry<'t> {
    rule: &'t str,
    seen: Vec<&'t str>,
}

fn entries<'t>(observed: &'t str, variant: &str) -> Vec<Entry<'t>> {
    let mut entries: Vec<Entry<'t>> = Vec::new();
    let other = if variant == "nft " { "legacy " } else { "nft " };
    for line in observed.lines().filter(|line| !line.is_empty() && !line.starts_with(other)) {
        match line.strip_prefix("> ") {
            Some(rule) => entries.push(Entry { rule, seen: Vec::new() }),
            None => {
                let seen = line.strip_prefix(variant).unwrap_or(line);
                entries.last_mut().expect("a rule stands first").seen.push(seen);
            }
        }
    }
    entries
}

/// What the model says of a rule, in the form of [`OBSERVED`].
fn say(rule: &str, family: AddressFamily, variant: Variant) -> Vec<String> {
    let line = Line::of_family(rule, family);
    let target = match line.target_for(variant) {
        Ok(target) => target,
        Err(Problem::Parameter(text)) => return vec![format!("E 2 {}", text.trim_end())],
        Err(other) => return vec![other.to_string()],
    };
    let hook = [Hook::PreRouting, Hook::Input, Hook::Forward, Hook::Output, Hook::PostRouting]
        .into_iter()
        .find(|hook| hook.name() == line.chain);
    let matches = line.matches();
    let place = Place {
        variant,
        family,
        table: TableName::find(&line.table).unwrap(),
        hooks: hook.as_slice(),
        proto: line.proto,
        matches: &matches,
    };
    if let Err(errno) = target.admit(&place) {
        return vec![format!("K {}", errno.message())];
    }
    let style = |numeric| Style { family, numeric, quoted: false };
    let (mut saved, mut numbers, mut names) = (String::new(), String::new(), String::new());
    target.save(style(false), &mut saved);
    target.print(style(true), &mut numbers);
    target.print(style(false), &mut names);
    let mut said = vec![format!("S{saved}"), format!("N {}", numbers.trim_start())];
    if names != numbers {
        said.push(format!("L {}", names.trim_start()));
    }
    said
}

#[test]
fn targets_are_written_printed_and_refused_as_by_the_real_tool() {
    for (family, observed) in OBSERVED {
        let mut count = 0;
        for (name, variant) in [("nft ", Variant::Nft), ("legacy ", Variant::Legacy)] {
            for entry in entries(observed, name) {
                assert_eq!(say(entry.rule, family, variant), entry.seen, "{name}{}", entry.rule);
                count += 1;
            }
        }
        assert!(count > 100);
    }
}
