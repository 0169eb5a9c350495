//! What netfilter's tools print, made comparable.

use std::collections::BTreeMap;

use super::super::normal::Netfilter;
use super::super::observed::NetfilterObserved;
use super::super::rewrite::Fields as _;
use super::Canon;

/// Counters of connection tracking which depend on chance: on the seed of a hash table, and on how many ports
/// NAT tried before one was free.
const STATISTICS_LEFT_OUT: [&str; 2] = ["found", "search_restart"];

/// Makes comparable what was seen of netfilter in one namespace, after its frames: both share the names
/// of what was drawn at random.
pub(super) fn netfilter(observed: &NetfilterObserved, canon: &mut Canon) -> Netfilter {
    Netfilter {
        conntrack: connections(observed.conntrack.iter().map(String::as_str), canon),
        conntrack_stats: observed
            .conntrack_stats
            .iter()
            .filter(|(name, count)| **count != 0 && !STATISTICS_LEFT_OUT.contains(&name.as_str()))
            .map(|(name, count)| (name.clone(), *count))
            .collect(),
        iptables: rules(&observed.iptables_save),
        iptables_legacy: rules(&observed.iptables_legacy_save),
        xt_recent: observed.xt_recent.iter().filter_map(recent).collect(),
        ctevents: events(&observed.ctevents, canon),
        rule_trace: rule_trace(&observed.trace, canon),
    }
}

/// The lines of a listing of connections, sorted. A hash table gives their order: what is renamed in them
/// is named in the order of what is not.
pub(super) fn connections<'a, I: Iterator<Item = &'a str>>(
    lines: I,
    canon: &mut Canon,
) -> Vec<String> {
    let mut lines: Vec<&str> = lines.collect();
    let mut blanks = canon.clone().with_blanks();
    lines.sort_by_cached_key(|line| connection(line, &mut blanks));
    let mut renamed: Vec<String> = lines.into_iter().map(|line| connection(line, canon)).collect();
    renamed.sort_unstable();
    renamed
}

/// One connection or event: references and the entry's own id dropped, what was drawn renamed, blanks
/// and times of the wall clock the same everywhere.
fn connection(line: &str, canon: &mut Canon) -> String {
    let line = without_wall_clock(line);
    let mut words: Vec<String> = Vec::new();
    let mut is_echo = false;
    for word in line.split_whitespace() {
        let (key, value) = word.split_once('=').unwrap_or((word, ""));
        let number: Option<u16> = value.parse().ok();
        match (key, number) {
            ("use" | "progname", _) => {}
            ("portid" | "delta-time", _) => words.push(format!("{key}=*")),
            ("id", Some(id)) if is_echo => words.push(format!("id={}", canon.echo_id(id))),
            ("id", _) => {}
            ("sport" | "dport", Some(port)) => words.push(format!("{key}={}", canon.port(port))),
            _ => words.push(word.to_owned()),
        }
        is_echo = key == "code";
    }
    words.join(" ")
}

/// The events in order, but those of entries that go together: a hash table decides which is first.
fn events(lines: &[String], canon: &mut Canon) -> Vec<String> {
    let mut events: Vec<String> = lines.iter().map(|line| connection(line, canon)).collect();
    for run in events.chunk_by_mut(|one, next| is_end(one) && is_end(next)) {
        run.sort_unstable();
    }
    events
}

fn is_end(event: &str) -> bool {
    event.starts_with("[DESTROY]")
}

/// Drops what tells the time: `[1764392513.123456]` before an event, the ends of `[start=...]`.
fn without_wall_clock(line: &str) -> String {
    let mut kept = String::new();
    let mut rest = line;
    while let Some((before, bracket)) = rest.split_once('[') {
        let Some((inside, after)) = bracket.split_once(']') else { break };
        let inside = match inside.split_once('=') {
            Some((name @ ("start" | "stop"), _)) => &format!("{name}=*"),
            _ => inside.trim(),
        };
        kept += before;
        if !inside.starts_with(|c: char| c.is_ascii_digit()) {
            kept.extend(["[", inside, "]"]);
        }
        rest = after;
    }
    kept + rest
}

/// What `conntrack` prints in a step: sorted, or one line of statistics for all CPUs.
pub(super) fn conntrack_output(text: &str, canon: &mut Canon) -> String {
    let lines = if text.starts_with("cpu=") {
        vec![statistics(text)]
    } else if text.starts_with("<?xml") {
        flows(text)
    } else {
        connections(text.lines(), canon)
    };
    lines.into_iter().map(|line| line + "\n").collect()
}

/// The lines of a listing in XML, without ids and references; the flows are sorted.
fn flows(text: &str) -> Vec<String> {
    let mut lines: Vec<String> =
        text.lines().map(|line| without_element(&without_element(line, "id"), "use")).collect();
    let is_flow = |line: &String| line.starts_with("<flow>");
    let start = lines.iter().position(is_flow).unwrap_or(0);
    let end = lines.iter().rposition(is_flow).map_or(start, |last| last + 1);
    lines[start..end].sort_unstable();
    lines
}

/// Drops every element `<NAME>...</NAME>`.
fn without_element(line: &str, name: &str) -> String {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let mut pieces = line.split(&open);
    let first = pieces.next().unwrap_or_default();
    let rest = pieces.map(|piece| piece.split_once(&close).map_or(piece, |(_, rest)| rest));
    core::iter::once(first).chain(rest).collect()
}

/// Sums the lines of `conntrack -S` over the CPUs.
fn statistics(text: &str) -> String {
    let mut names: Vec<&str> = Vec::new();
    let mut sums: BTreeMap<&str, u64> = BTreeMap::new();
    for (name, count) in text.split_whitespace().filter_map(|word| word.split_once('=')) {
        let count: u64 = count.parse().unwrap_or(0);
        if !sums.contains_key(name) {
            names.push(name);
        }
        *sums.entry(name).or_default() += count;
    }
    sums.insert("cpu", 0);
    sums.extend(STATISTICS_LEFT_OUT.map(|name| (name, 0)));
    let words = names.iter().map(|name| format!("{name}={}", sums[name]));
    words.collect::<Vec<_>>().join(" ")
}

/// What `iptables-save` prints in a step, without the date in its comments.
pub(super) fn save_output(text: &str) -> String {
    let lines = text.split_inclusive('\n').map(|line| match line.split_once(" on ") {
        Some((start, _)) if line.starts_with("# ") => format!("{start}\n"),
        _ => line.to_owned(),
    });
    lines.collect()
}

/// The tables of `iptables-save`, sorted; in each the chains, sorted, and the rules in order.
fn rules(text: &str) -> Vec<String> {
    let mut tables: BTreeMap<&str, (Vec<&str>, Vec<&str>)> = BTreeMap::new();
    let mut table = "";
    for line in text.lines() {
        if line.starts_with('*') {
            table = line;
        }
        let (chains, rules) = tables.entry(table).or_default();
        if line.starts_with(':') {
            chains.push(line);
        } else if !line.is_empty() && !line.starts_with(['#', '*']) && line != "COMMIT" {
            rules.push(line);
        }
    }
    let mut lines = Vec::new();
    for (table, (mut chains, rules)) in tables.into_iter().filter(|(name, _)| !name.is_empty()) {
        chains.sort_unstable();
        lines.push(table);
        lines.extend(chains);
        lines.extend(rules);
    }
    lines.into_iter().map(|line| line.trim_end().to_owned()).collect()
}

/// A list of the match `recent` without the times: `10.0.1.2 ttl=64 hits=2`. An empty list is none.
fn recent((name, lines): (&String, &Vec<String>)) -> Option<(String, Vec<String>)> {
    let entry = |line: &String| {
        let (address, rest) = line.strip_prefix("src=")?.split_once(" ttl: ")?;
        let ttl = rest.split_whitespace().next()?;
        Some(format!("{address} ttl={ttl} hits={}", line.matches(',').count() + 1))
    };
    let mut entries: Vec<String> = lines.iter().filter_map(entry).collect();
    entries.sort_unstable();
    (!entries.is_empty()).then(|| (name.clone(), entries))
}

/// The lines of `xtables-monitor --trace`, with the ids of packets renamed.
fn rule_trace(lines: &[String], canon: &mut Canon) -> Vec<String> {
    let mut traces: Vec<&str> = Vec::new();
    let mut renamed = Vec::new();
    for line in lines {
        let mut words: Vec<String> = Vec::new();
        for word in line.split_whitespace() {
            let is_trace_id = words.len() == 2 && matches!(words[0].as_str(), "PACKET:" | "TRACE:");
            words.push(match word.split_once('=') {
                None if is_trace_id => {
                    let place = traces.iter().position(|known| *known == word);
                    let place = place.unwrap_or_else(|| {
                        traces.push(word);
                        traces.len() - 1
                    });
                    format!("T{}", place + 1)
                }
                Some((key @ ("ID" | "SPORT" | "DPORT"), value)) => match value.parse() {
                    Ok(id) if key == "ID" => format!("ID={}", canon.id_of_any_protocol(id)),
                    Ok(port) => format!("{key}={}", canon.port(port)),
                    Err(_) => word.to_owned(),
                },
                _ => word.to_owned(),
            });
        }
        renamed.push(words.join(" "));
    }
    renamed
}

#[cfg(test)]
mod tests {
    use super::super::super::format::Case;
    use super::*;

    fn canon() -> Canon {
        let case = Case::parse("t", "iptables -p udp --dport 53", "").unwrap();
        Canon::new(&case)
    }

    #[test]
    fn ports_that_nat_drew_are_renamed_in_their_class_and_references_are_dropped() {
        let line = "ipv4     2 udp      17 29 src=10.0.1.2 dst=10.0.2.2 sport=300 dport=53 \
                    [UNREPLIED] src=10.0.2.2 dst=10.0.2.1 sport=53 dport=48123 mark=0 use=1 id=77665544";
        let wanted = "ipv4 2 udp 17 29 src=10.0.1.2 dst=10.0.2.2 sport=411 dport=53 \
                      [UNREPLIED] src=10.0.2.2 dst=10.0.2.1 sport=53 dport=61001 mark=0";
        assert_eq!(connection(line, &mut canon()), wanted);
    }

    #[test]
    fn the_id_of_an_echo_stays_and_one_that_was_drawn_is_renamed() {
        let line = "icmp 1 29 src=10.0.1.2 dst=10.0.2.2 type=8 code=0 id=4711 src=10.0.2.2";
        let wanted = "icmp 1 29 src=10.0.1.2 dst=10.0.2.2 type=8 code=0 id=57345 src=10.0.2.2";
        assert_eq!(connection(line, &mut canon()), wanted);
    }

    #[test]
    fn names_do_not_depend_on_the_order_of_a_listing() {
        let lines = ["udp src=10.0.0.2 sport=40001", "udp src=10.0.0.1 sport=40002"];
        let forth = connections(lines.into_iter(), &mut canon());
        let back = connections(lines.into_iter().rev(), &mut canon());
        assert_eq!(forth, back);
        assert_eq!(forth, ["udp src=10.0.0.1 sport=61001", "udp src=10.0.0.2 sport=61002"]);
    }

    #[test]
    fn events_lose_the_time_at_which_they_were_seen() {
        let line = "[1764392513.123456] \t  [NEW] udp 17 30 [start=Sun Nov 29 05:01:53 2026]";
        assert_eq!(connection(line, &mut canon()), "[NEW] udp 17 30 [start=*]");
    }

    #[test]
    fn listings_in_xml_are_sorted_between_their_ends() {
        let text = "<?xml ?>\n<conntrack>\n<flow><b/><id>5</id><use>1</use></flow>\n\
                    <flow><a/><id>77</id></flow>\n</conntrack>\n";
        let wanted = "<?xml ?>\n<conntrack>\n<flow><a/></flow>\n<flow><b/></flow>\n</conntrack>\n";
        assert_eq!(conntrack_output(text, &mut canon()), wanted);
    }

    #[test]
    fn events_are_in_order_but_for_ends_that_follow_each_other() {
        let lines = ["[NEW] b", "[NEW] a", "[DESTROY] b", "[DESTROY] a", "[NEW] a"];
        let events = events(&lines.map(str::to_owned), &mut canon());
        assert_eq!(events, ["[NEW] b", "[NEW] a", "[DESTROY] a", "[DESTROY] b", "[NEW] a"]);
    }

    #[test]
    fn statistics_are_summed_over_the_cpus() {
        let text = "cpu=0   \tfound=0 invalid=2 search_restart=7 \ncpu=1   \tfound=1 invalid=3 search_restart=1 \n";
        let sum = "cpu=0 found=0 invalid=5 search_restart=0\n";
        assert_eq!(conntrack_output(text, &mut canon()), sum);
    }

    #[test]
    fn tables_and_chains_are_sorted_and_rules_are_not() {
        let text = "# Generated by iptables-save\n*nat\n:B - [0:0]\n:A - [0:0]\n\
                    [0:0] -A B -j A\n[1:2] -A A -j B\nCOMMIT\n*filter\nCOMMIT\n";
        let wanted =
            ["*filter", "*nat", ":A - [0:0]", ":B - [0:0]", "[0:0] -A B -j A", "[1:2] -A A -j B"];
        assert_eq!(rules(text), wanted);
        assert_eq!(save_output("# Completed on Sun Nov 29\nCOMMIT\n"), "# Completed\nCOMMIT\n");
    }

    #[test]
    fn recent_lists_keep_addresses_and_how_often_they_were_seen() {
        let lines = vec![
            "src=10.0.1.4 ttl: 64 last_seen: 9 oldest_pkt: 2 7, 9".to_owned(),
            "src=10.0.1.2 ttl: 63 last_seen: 5 oldest_pkt: 1 5".to_owned(),
        ];
        let (_, entries) = recent((&"A".to_owned(), &lines)).unwrap();
        assert_eq!(entries, ["10.0.1.2 ttl=63 hits=1", "10.0.1.4 ttl=64 hits=2"]);
        assert_eq!(recent((&"A".to_owned(), &Vec::new())), None);
    }

    #[test]
    fn traced_packets_are_counted() {
        let lines = [
            "PACKET: 2 b8b2ffcc IN=c0 SRC=10.0.1.2 ID=9 SPORT=40000 DPORT=53 ".to_owned(),
            " TRACE: 2 b8b2ffcc raw:PREROUTING:policy:ACCEPT ".to_owned(),
            "PACKET: 2 00000001 IN=c0".to_owned(),
        ];
        let wanted = [
            "PACKET: 2 T1 IN=c0 SRC=10.0.1.2 ID=61441 SPORT=61001 DPORT=53",
            "TRACE: 2 T1 raw:PREROUTING:policy:ACCEPT",
            "PACKET: 2 T2 IN=c0",
        ];
        assert_eq!(rule_trace(&lines, &mut canon()), wanted);
    }
}
