//! Which connections machines have to know of.

use super::super::ExpectConntrack;
use super::super::report::Failure;
use super::super::run::{RunError, host};
use crate::cluster::Cluster;

/// Compares what `conntrack -L` lists with what was expected.
pub(in super::super) fn check(
    expected: &[ExpectConntrack],
    cluster: &mut Cluster,
    failures: &mut Vec<Failure>,
) -> Result<(), RunError> {
    for expect in expected {
        let argv = ["conntrack", "-L"];
        let listed = host(cluster, &expect.on)?.run(&argv, "");
        let listed = listed.map_err(|error| RunError::new(&expect.on.span, error))?.stdout;
        let found = listed.lines().filter(|line| has(line, &expect.has.value)).count();
        if expect.count.map_or(found > 0, |count| count == found) {
            continue;
        }
        let wanted = expect.count.map_or_else(|| "one".to_owned(), |count| count.to_string());
        let entries: Vec<&str> = listed.lines().map(str::trim_end).collect();
        failures.push(Failure {
            span: expect.has.span.clone(),
            what: format!("the connections that {} knows of", expect.on.value),
            expected: format!("{wanted} with `{}`", expect.has.value),
            seen: format!("{found} of these {}:\n{}", entries.len(), entries.join("\n")),
            fault: None,
        });
    }
    Ok(())
}

/// Whether a line has these words, in this order.
fn has(line: &str, words: &str) -> bool {
    let mut listed = line.split_whitespace();
    words.split_whitespace().all(|word| listed.any(|listed| listed == word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_in_their_order_only() {
        let line = "tcp      6 117 TIME_WAIT src=10.42.0.2 dst=10.43.2.2 sport=1 dport=80 \
                    src=10.42.1.3 dst=10.42.0.2 sport=8080 dport=1 [ASSURED] mark=0 use=1";
        assert!(has(line, "tcp TIME_WAIT dst=10.43.2.2 src=10.42.1.3"));
        assert!(!has(line, "src=10.42.1.3 dst=10.43.2.2"));
        assert!(!has(line, "dst=10.43.2"));
    }
}
