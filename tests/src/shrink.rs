//! Makes a case smaller while it still shows a difference.

use crate::generate::CaseText;

/// Removes lines of the case as long as `is_interesting` holds: packets first, then setup, in chunks that
/// get smaller. Stops after `budget` attempts.
pub fn shrink(
    case: &CaseText,
    mut budget: u32,
    is_interesting: &mut dyn FnMut(&CaseText) -> bool,
) -> CaseText {
    let mut best = case.clone();
    loop {
        let before = best.clone();
        for part in [Part::Packets, Part::Rules, Part::Setup] {
            shrink_part(&mut best, part, &mut budget, is_interesting);
        }
        if best == before || budget == 0 {
            return best;
        }
    }
}

/// Tells whether a line keeps chance out of a case: without it two runs on the kernel differ.
fn is_control(line: &str) -> bool {
    const CONTROLS: [&str; 8] = [
        "bridge-nf-call",
        "disable_ipv6",
        "fib_multipath_hash_seed",
        "icmp_ratemask",
        "iptables-restore",
        "send_redirects",
        "proxy_delay",
        "tcp_timestamps",
    ];
    CONTROLS.iter().any(|control| line.contains(control))
}

/// Tells whether a line of a rule file holds the table that it belongs to together.
fn is_frame_of_table(line: &str) -> bool {
    line.starts_with(['*', ':']) || line == "COMMIT"
}

#[derive(Debug, Clone, Copy)]
enum Part {
    Packets,
    Rules,
    Setup,
}

impl Part {
    fn of(self, case: &mut CaseText) -> &mut Vec<String> {
        match self {
            Self::Packets => &mut case.packets,
            Self::Rules => &mut case.rules,
            Self::Setup => &mut case.setup,
        }
    }
}

fn shrink_part(
    best: &mut CaseText,
    part: Part,
    budget: &mut u32,
    is_interesting: &mut dyn FnMut(&CaseText) -> bool,
) {
    let mut chunk = part.of(best).len().div_ceil(2);
    while chunk > 0 {
        // From the end: later lines depend on earlier ones.
        let mut end = part.of(best).len();
        while end > 0 && *budget > 0 {
            let start = end.saturating_sub(chunk);
            let mut smaller = best.clone();
            let removed: Vec<String> = part.of(&mut smaller).drain(start..end).collect();
            let kept = removed.into_iter().filter(|line| match part {
                Part::Rules => is_frame_of_table(line),
                Part::Packets | Part::Setup => is_control(line),
            });
            part.of(&mut smaller).splice(start..start, kept);
            if smaller != *best {
                *budget -= 1;
                if is_interesting(&smaller) {
                    *best = smaller;
                }
            }
            end = start;
        }
        if chunk == 1 || *budget == 0 {
            return;
        }
        chunk = chunk.div_ceil(2);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_lines_that_matter_are_left() {
        let lines = |n: u32| (0..n).map(|line| line.to_string()).collect::<Vec<_>>();
        let case = CaseText {
            name: "t".to_owned(),
            setup: lines(20),
            packets: lines(30),
            rules: Vec::new(),
        };
        let small = shrink(&case, 1000, &mut |case| {
            case.setup.contains(&"3".to_owned())
                && case.packets.contains(&"7".to_owned())
                && case.packets.contains(&"21".to_owned())
        });
        assert_eq!(small.setup, ["3"]);
        assert_eq!(small.packets, ["7", "21"]);
    }

    #[test]
    fn lines_that_keep_chance_out_are_never_removed() {
        let setup = vec!["ip netns add r".to_owned(), "sysctl disable_ipv6=1".to_owned()];
        let case = CaseText { name: "t".to_owned(), setup, packets: Vec::new(), rules: Vec::new() };
        assert_eq!(shrink(&case, 100, &mut |_| true).setup, ["sysctl disable_ipv6=1"]);
    }
}
