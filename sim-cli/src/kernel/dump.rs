//! Reads what a namespace holds: its tables through the tools, its counters from `/proc`.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use serde_json::Value;
use sim_core::case::observed::NetfilterObserved;
use sim_core::case::run::sum_statistics;

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

/// Lists the tracked connections of a namespace.
pub(super) fn connections(namespaces: &Namespaces, netns: &str) -> io::Result<Vec<String>> {
    let listing = output(namespaces, netns, "conntrack -L -o extended")?;
    Ok(listing.lines().map(str::to_owned).collect())
}

/// Reads what else netfilter holds in a namespace, but for what monitors have written.
pub(super) fn netfilter(
    namespaces: &Namespaces,
    netns: &str,
    seen: &mut NetfilterObserved,
) -> io::Result<()> {
    seen.conntrack_stats = sum_statistics(&output(namespaces, netns, "conntrack -S")?);
    seen.iptables_save = rules_of(output(namespaces, netns, "iptables-save -c")?);
    let (legacy_tables, xt_recent) = namespaces.within(netns, || {
        // Not there where the kernel has no such tables.
        let tables = fs::read_to_string("/proc/thread-self/net/ip_tables_names");
        Ok((tables.unwrap_or_default(), recent_lists()?))
    })?;
    seen.xt_recent = xt_recent;
    if !legacy_tables.trim().is_empty() {
        seen.iptables_legacy_save = rules_of(output(namespaces, netns, "iptables-legacy-save -c")?);
    }
    Ok(())
}

/// What a tool prints.
fn output(namespaces: &Namespaces, netns: &str, command: &str) -> io::Result<String> {
    let argv: Vec<String> = command.split(' ').map(str::to_owned).collect();
    let output = shell::run(namespaces, netns, Path::new("/"), &argv, None)?;
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        return Err(io::Error::other(format!("{command} in {netns}: {stderr}")));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// What the rules of a namespace are, if there are any: comments alone are nothing.
fn rules_of(saved: String) -> String {
    let is_rules = saved.lines().any(|line| !line.is_empty() && !line.starts_with('#'));
    if is_rules { saved } else { String::new() }
}

/// The lists of the match `recent` in the current namespace.
fn recent_lists() -> io::Result<BTreeMap<String, Vec<String>>> {
    let mut lists = BTreeMap::new();
    let Ok(folder) = fs::read_dir("/proc/thread-self/net/xt_recent") else { return Ok(lists) };
    for entry in folder {
        let entry = entry?;
        let text = fs::read_to_string(entry.path())?;
        let name = entry.file_name().to_string_lossy().into_owned();
        lists.insert(name, text.lines().map(str::to_owned).collect());
    }
    Ok(lists)
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
