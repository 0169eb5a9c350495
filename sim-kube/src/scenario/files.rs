//! Files that can be run, with all the files that they name.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use sim_core::world::World;
use toml::de::DeTable;

use super::report::Report;
use super::rule_test::RuleTest;
use super::tape::{Sink, Tape};
use super::{RunError, Scenario};
use crate::blueprint::{Blueprint, Loader, Stopped};
use crate::files::{FileMistake, ReadFile, in_file};
use crate::manifest;
use crate::reading::Mistake;

/// A file that can be run, with all that it names.
#[derive(Debug)]
pub enum Loaded {
    /// A scenario in a topology.
    Scenario(Box<LoadedScenario>),
    /// A test of rules.
    RuleTest(Box<RuleTest>),
}

/// A scenario with what its files say.
#[derive(Debug)]
pub struct LoadedScenario {
    /// The scenario.
    pub(super) scenario: Scenario,
    /// What its cluster is made of, and the manifests of its steps.
    pub(super) blueprint: Blueprint,
    /// What steps call the files of their manifests.
    named: BTreeMap<String, PathBuf>,
}

/// What kind of file a text is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Form {
    /// A scenario.
    Scenario,
    /// A test of rules.
    RuleTest,
    /// A topology, which can't be run.
    Topology,
    /// None of these.
    Unknown,
}

impl Form {
    /// Tells the forms apart by the fields that they have to have.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let (table, _) = DeTable::parse_recoverable(text);
        let has = |key: &str| table.get_ref().contains_key(key);
        match () {
            () if has("topology") || has("step") => Self::Scenario,
            () if has("rules") || has("packet") => Self::RuleTest,
            () if has("network") || has("node") => Self::Topology,
            () => Self::Unknown,
        }
    }
}

/// Reads a file that can be run, and all that it names; names are relative to the file that has them.
///
/// # Errors
/// All mistakes in all of them.
pub fn load(path: &Path, text: &str, read: ReadFile<'_>) -> Result<Loaded, Vec<FileMistake>> {
    if Form::of(text) == Form::RuleTest {
        let test = RuleTest::load(path, text, read)?;
        return Ok(Loaded::RuleTest(Box::new(test)));
    }
    let scenario = Scenario::read(text).map_err(|found| in_file(path, text, found))?;
    let mut loader = Loader::new(read);
    loader.named_topology(path, text, &scenario.topology);
    for name in &scenario.manifests {
        loader.first_manifest(path, text, name);
    }
    let mut named = BTreeMap::new();
    for name in scenario.files_of_steps() {
        let file = loader.manifest(path, text, &name);
        named.insert(name.value, file);
    }
    let blueprint = loader.finish()?;
    Ok(Loaded::Scenario(Box::new(LoadedScenario { scenario, blueprint, named })))
}

impl LoadedScenario {
    /// Makes its cluster, and runs its steps there.
    fn run(&self, mut tape: Tape<'_>) -> Result<Result<Report, RunError>, Stopped> {
        let mut world = World::new(self.blueprint.topology.seed);
        tape.start(&mut world);
        let mut cluster = self.blueprint.start(world)?;
        let done = super::run::run(self, &mut cluster, &mut tape);
        tape.pass_on(&mut cluster.world);
        Ok(done)
    }

    /// The objects of a file, under the name that the scenario has for it.
    pub(super) fn objects(&self, name: &str) -> &[manifest::Placed] {
        self.named.get(name).map_or(&[], |path| self.blueprint.objects(path))
    }
}

impl Loaded {
    /// Runs it. A sink gets everything that happens from the making of the machines on, whether or not the steps come to
    /// their end; nothing, if the machines or their first objects cannot be made.
    ///
    /// # Errors
    /// When it cannot be run to its end; `path` and `text` are its own.
    pub fn run(&self, path: &Path, text: &str, sink: Option<Sink<'_>>) -> Result<Report, Stopped> {
        let stopped = |error: RunError| {
            let message = error.to_string();
            let mistake = Mistake { span: error.span, message, help: None };
            Stopped::Mistakes(in_file(path, text, vec![mistake]))
        };
        match self {
            Self::Scenario(loaded) => loaded.run(Tape::new(sink))?.map_err(stopped),
            Self::RuleTest(test) => test.run(sink).map_err(stopped),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_told_apart_by_their_fields() {
        for (text, form) in [
            ("topology = \"x\"\nrules = []", Form::Scenario),
            ("rules = \"x\"", Form::RuleTest),
            ("[[network]]\n", Form::Topology),
            ("name = 1", Form::Unknown),
        ] {
            assert_eq!(Form::of(text), form, "{text}");
        }
    }
}
