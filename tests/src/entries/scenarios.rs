//! Topologies, scenarios and tests of rules.

use std::path::Path;

use sim_kube::reading::Mistake;
use sim_kube::scenario::packet::Packet;
use sim_kube::scenario::{self, Loaded, Scenario};
use sim_kube::topology::Topology;

/// More machines are not built, and more packets are not sent.
const MANY: usize = 16;

/// Reads a text as each of them, builds the topology if it is one, and runs the test of rules if it is one.
///
/// # Panics
/// If a mistake is at no place of the text.
pub fn scenarios(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    match Topology::read(&text) {
        Ok(topology) if topology.machines.len() <= MANY && topology.networks.len() <= MANY => {
            // Names and addresses may be those of something else; then it is not built.
            let _built = topology.build().is_ok();
        }
        Ok(_) => {}
        Err(mistakes) => check(&text, &mistakes),
    }
    if let Err(mistakes) = Scenario::read(&text) {
        check(&text, &mistakes);
    }
    let mut nowhere = |_: &Path| Err("there are no files".to_owned());
    match scenario::load(Path::new("any.toml"), &text, &mut nowhere) {
        Ok(Loaded::RuleTest(test)) if test.packets.len() <= MANY => {
            let _ran = test.run(None).is_ok();
        }
        Ok(Loaded::RuleTest(_) | Loaded::Scenario(_)) => {}
        Err(mistakes) => {
            let all: Vec<Mistake> = mistakes.into_iter().map(|found| found.mistake).collect();
            check(&text, &all);
        }
    }
    if let Ok(packet) = text.parse::<Packet>() {
        assert_eq!(packet.to_string().parse::<Packet>().as_ref(), Ok(&packet));
        assert!(packet.bytes().len() >= 20);
    }
}

fn check(text: &str, mistakes: &[Mistake]) {
    assert!(!mistakes.is_empty());
    for mistake in mistakes {
        assert!(text.get(mistake.span.clone()).is_some(), "{mistake:?}");
    }
}
