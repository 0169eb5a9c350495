//! The order of Services in rules that a real kube-proxy wrote.
//!
//! It walks a map whose order is another one each time. That is all that is left open: the order is read off from
//! what was written, ours is written in it, and then both have to be equal to the byte.

/// The chains whose rules are written Service by Service.
const DISPATCHING: &[&str] =
    &["KUBE-SERVICES", "KUBE-EXTERNAL-SERVICES", "KUBE-NODEPORTS", "KUBE-PROXY-FIREWALL"];

/// The names of service ports, in the order in which the input of an `iptables-restore` has them.
pub(crate) fn of_services(restore: &str) -> Vec<String> {
    let (filter, nat) = restore.split_once("*nat\n").unwrap_or((restore, ""));
    let mut order = in_table(nat);
    for name in in_table(filter).iter().rev() {
        if order.contains(name) {
            continue;
        }
        // Before the next one of the same table that is known.
        let names = in_table(filter);
        let later = names.iter().skip_while(|other| *other != name).skip(1);
        let place = later.filter_map(|other| order.iter().position(|known| known == other)).next();
        order.insert(place.unwrap_or(order.len()), name.clone());
    }
    order
}

/// The input of an `iptables-restore` with chains that are removed in the order of their names: a map decides about
/// that too. They are declared after all others.
pub(crate) fn of_removals(restore: &str) -> String {
    let gone: Vec<&str> = restore.lines().filter_map(|line| line.strip_prefix("-X ")).collect();
    let is_of_one = |line: &&str| {
        let chain = line.strip_prefix("-X ").or_else(|| line.strip_prefix(':')?.split(' ').next());
        chain.is_some_and(|chain| gone.contains(&chain))
    };
    let mut lines: Vec<&str> = restore.lines().collect();
    for run in lines.chunk_by_mut(|a, b| is_of_one(a) && is_of_one(b)) {
        run.sort_unstable();
    }
    lines.iter().fold(String::new(), |text, line| text + line + "\n")
}

fn in_table(rules: &str) -> Vec<String> {
    let mut names = Vec::new();
    for line in rules.lines() {
        let Some(name) = name_in(line) else { continue };
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// What the comment of a dispatching rule starts with, if that is the name of a service port.
fn name_in(line: &str) -> Option<String> {
    let (chain, rule) = line.strip_prefix("-A ")?.split_once(' ')?;
    let (_, comment) = rule.split_once("--comment ").filter(|_| DISPATCHING.contains(&chain))?;
    let name = comment.trim_start_matches('"').split(['"', ' ']).next()?;
    name.contains('/').then(|| name.to_owned())
}
