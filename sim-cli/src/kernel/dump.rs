//! Reads what a namespace holds: its tables through the tools, its counters from `/proc`.

use std::collections::BTreeMap;
use std::fs;
use std::io;

use serde_json::Value;

use super::namespaces::Namespaces;
use super::shell;

/// The tables of one namespace, each a list of JSON objects.
pub(super) struct Lists {
    pub(super) addr: Vec<Value>,
    pub(super) route: Vec<Value>,
    pub(super) rule: Vec<Value>,
    pub(super) neigh: Vec<Value>,
    pub(super) fdb: Vec<Value>,
}

/// Lists the tables of a namespace. `ip` lists four of them in one run, one array a line.
pub(super) fn tables(namespaces: &Namespaces, netns: &str) -> io::Result<Lists> {
    const LISTS: &str = "neigh show\naddr show\nroute show table all\nrule show\n";
    let mut lists = run(namespaces, netns, "ip", LISTS)?.into_iter();
    let mut next = || lists.next().ok_or_else(|| io::Error::other("ip: a list is missing"));
    let (neigh, addr, route, rule) = (next()?, next()?, next()?, next()?);
    let has_bridge_entries =
        namespaces.links(netns).iter().any(|link| !matches!(link.kind.as_str(), "" | "tun"));
    let fdb = if has_bridge_entries {
        run(namespaces, netns, "bridge", "fdb show\n")?.into_iter().next().unwrap_or_default()
    } else {
        Vec::new()
    };
    Ok(Lists { addr, route, rule, neigh, fdb })
}

fn run(
    namespaces: &Namespaces,
    netns: &str,
    tool: &str,
    lines: &str,
) -> io::Result<Vec<Vec<Value>>> {
    let output = shell::run_lines(namespaces, netns, &[tool, "-j"], lines)?;
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        return Err(io::Error::other(format!("{tool} in {netns}: {stderr}")));
    }
    let lists = serde_json::Deserializer::from_slice(&output.stdout).into_iter();
    lists.collect::<Result<_, _>>().map_err(io::Error::other)
}

/// Reads the counters of a namespace, `Ip.InReceives` and so on.
pub(super) fn counters(namespaces: &Namespaces, netns: &str) -> io::Result<BTreeMap<String, i64>> {
    namespaces.within(netns, || {
        let mut counters = BTreeMap::new();
        for file in ["/proc/thread-self/net/snmp", "/proc/thread-self/net/netstat"] {
            let text = fs::read_to_string(file)?;
            let lines: Vec<&str> = text.lines().collect();
            for pair in lines.chunks_exact(2) {
                counters.extend(parse_pair(pair[0], pair[1]));
            }
        }
        Ok(counters)
    })
}

/// Reads a line of names and the line of values under it.
fn parse_pair(names: &str, values: &str) -> Vec<(String, i64)> {
    let mut names = names.split_whitespace();
    let mut values = values.split_whitespace();
    let (Some(group), Some(_)) = (names.next(), values.next()) else { return Vec::new() };
    let group = group.trim_end_matches(':');
    names
        .zip(values)
        .filter_map(|(name, value)| Some((format!("{group}.{name}"), value.parse().ok()?)))
        .collect()
}

/// How much each counter grew.
pub(super) fn growth(
    before: &BTreeMap<String, i64>,
    after: BTreeMap<String, i64>,
) -> BTreeMap<String, i64> {
    let grown = after.into_iter().map(|(name, count)| {
        let earlier = before.get(&name).copied().unwrap_or(0);
        (name, count - earlier)
    });
    grown.filter(|(_, count)| *count != 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_named_after_their_group() {
        let pairs = parse_pair("Icmp: InMsgs InErrors", "Icmp: 3 -1");
        assert_eq!(pairs, [("Icmp.InMsgs".to_owned(), 3), ("Icmp.InErrors".to_owned(), -1)]);
    }

    #[test]
    fn only_what_grew_is_kept() {
        let before = BTreeMap::from([("a".to_owned(), 2), ("b".to_owned(), 5)]);
        let after = BTreeMap::from([("a".to_owned(), 2), ("b".to_owned(), 7), ("c".to_owned(), 1)]);
        let grown = BTreeMap::from([("b".to_owned(), 2), ("c".to_owned(), 1)]);
        assert_eq!(growth(&before, after), grown);
    }
}
