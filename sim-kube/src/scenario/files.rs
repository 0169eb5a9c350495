//! A scenario with all the files that it names. Who has files reads them; here is what they say.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::de::DeTable;

use super::report::Report;
use super::rule_test::RuleTest;
use super::{RunError, Scenario};
use crate::api::Refusals;
use crate::cluster::{Cluster, ClusterError};
use crate::manifest::{self, Place};
use crate::proxy::config::Config;
use crate::reading::{Mistake, Placed};
use crate::topology::Topology;

/// Reads a file, or says why it cannot be read.
pub type ReadFile<'a> = &'a mut dyn FnMut(&Path) -> Result<String, String>;

/// Something wrong in a file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FileMistake {
    /// The file.
    pub path: PathBuf,
    /// What it holds.
    pub text: String,
    /// What is wrong with it.
    pub mistake: Mistake,
}

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
    pub scenario: Scenario,
    /// Its topology.
    pub topology: Topology,
    /// The settings of kube-proxy.
    config: Config,
    /// What is applied before the first step: names of files.
    first: Vec<PathBuf>,
    manifests: ManifestFiles,
}

/// Manifests, under the names of their files.
#[derive(Clone, Debug, Default)]
pub struct ManifestFiles {
    files: BTreeMap<PathBuf, ManifestFile>,
    /// What the scenario calls them.
    named: BTreeMap<String, PathBuf>,
}

#[derive(Clone, Debug)]
struct ManifestFile {
    text: String,
    objects: Vec<manifest::Placed>,
}

/// A scenario could not be run to its end.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Stopped {
    /// Files are wrong.
    Mistakes(Vec<FileMistake>),
    /// The cluster could not be made.
    Cluster(ClusterError),
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
    let mut loader = Loader {
        read,
        mistakes: Vec::new(),
        manifests: ManifestFiles::default(),
        known: BTreeSet::new(),
    };
    let topology = loader.topology(path, text, &scenario.topology);
    let mut first = Vec::new();
    let mut config = None;
    if let Some((topology_path, topology_text, topology)) = &topology
        && let Some(spec) = &topology.cluster
    {
        if let Some(name) = &spec.kube_proxy_config {
            config = loader.config(topology_path, topology_text, name);
        }
        first.extend(
            spec.manifests.iter().map(|name| loader.manifest(topology_path, topology_text, name)),
        );
    }
    first.extend(scenario.manifests.iter().map(|name| loader.manifest(path, text, name)));
    for name in scenario.files_of_steps() {
        let file = loader.manifest(path, text, &name);
        loader.manifests.named.insert(name.value, file);
    }
    match topology {
        Some((_, _, topology)) if loader.mistakes.is_empty() => {
            Ok(Loaded::Scenario(Box::new(LoadedScenario {
                scenario,
                topology,
                config: config.unwrap_or_default(),
                first,
                manifests: loader.manifests,
            })))
        }
        Some(_) | None => Err(loader.mistakes),
    }
}

struct Loader<'a> {
    read: ReadFile<'a>,
    mistakes: Vec<FileMistake>,
    manifests: ManifestFiles,
    /// The manifests that were read, right or wrong.
    known: BTreeSet<PathBuf>,
}

impl Loader<'_> {
    /// Reads a file that another one names.
    fn file(&mut self, by: &Path, text: &str, name: &Placed<String>) -> Option<(PathBuf, String)> {
        read_named(self.read, by, text, name).map_err(|mistake| self.mistakes.push(mistake)).ok()
    }

    fn topology(
        &mut self,
        by: &Path,
        by_text: &str,
        name: &Placed<String>,
    ) -> Option<(PathBuf, String, Topology)> {
        let (path, text) = self.file(by, by_text, name)?;
        match Topology::read(&text) {
            Ok(topology) => Some((path, text, topology)),
            Err(found) => {
                self.mistakes.extend(in_file(&path, &text, found));
                None
            }
        }
    }

    fn config(&mut self, by: &Path, by_text: &str, name: &Placed<String>) -> Option<Config> {
        let (path, text) = self.file(by, by_text, name)?;
        match Config::read(&text) {
            Ok(config) => Some(config),
            Err(error) => {
                let mistake = Mistake { span: 0..0, message: error.to_string(), help: None };
                self.mistakes.push(FileMistake { path, text, mistake });
                None
            }
        }
    }

    /// Reads a manifest, once; answers under which name.
    fn manifest(&mut self, by: &Path, by_text: &str, name: &Placed<String>) -> PathBuf {
        let path = beside(by, &name.value);
        if !self.known.insert(path.clone()) {
            return path;
        }
        let Some((path, text)) = self.file(by, by_text, name) else { return path };
        match manifest::Reading::default().read(&text) {
            Ok(read) => {
                let file = ManifestFile { text, objects: read.objects };
                self.manifests.files.insert(path.clone(), file);
            }
            Err(mistakes) => {
                let placed = |mistake: manifest::Mistake| {
                    let span = span(&text, mistake.place);
                    Mistake { span, message: mistake.kind.to_string(), help: None }
                };
                let found = mistakes.0.into_iter().map(placed).collect();
                self.mistakes.extend(in_file(&path, &text, found));
            }
        }
        path
    }
}

/// A file that stands beside another one.
pub(super) fn beside(path: &Path, name: &str) -> PathBuf {
    path.parent().unwrap_or_else(|| Path::new("")).join(name)
}

/// Reads a file that another one names.
pub(super) fn read_named(
    read: ReadFile<'_>,
    by: &Path,
    text: &str,
    name: &Placed<String>,
) -> Result<(PathBuf, String), FileMistake> {
    let path = beside(by, &name.value);
    match read(&path) {
        Ok(text) => Ok((path, text)),
        Err(message) => {
            let mistake = Mistake { span: name.span.clone(), message, help: None };
            Err(FileMistake { path: by.to_owned(), text: text.to_owned(), mistake })
        }
    }
}

/// Mistakes of one file.
pub(super) fn in_file(path: &Path, text: &str, found: Vec<Mistake>) -> Vec<FileMistake> {
    let in_file = |mistake| FileMistake { path: path.to_owned(), text: text.to_owned(), mistake };
    found.into_iter().map(in_file).collect()
}

/// A place of a manifest, in bytes: from there to the end of its line.
fn span(text: &str, place: Place) -> Range<usize> {
    let before: usize =
        text.split_inclusive('\n').take(place.line.saturating_sub(1)).map(str::len).sum();
    let line = text[before..].lines().next().unwrap_or_default();
    let column = place.column.saturating_sub(1);
    let skipped: usize = line.chars().take(column).map(char::len_utf8).sum();
    before + skipped..before + line.trim_end().len().max(skipped)
}

impl ManifestFiles {
    /// The objects of a file, under the name that the scenario has for it.
    pub(super) fn objects(&self, name: &str) -> &[manifest::Placed] {
        let file = self.named.get(name).and_then(|path| self.files.get(path));
        file.map_or(&[], |file| &file.objects)
    }

    /// What an API server refuses in a file.
    fn refused(&self, path: &Path, refusals: Refusals) -> Vec<FileMistake> {
        let text = self.files.get(path).map(|file| file.text.as_str()).unwrap_or_default();
        let placed = |refusal: crate::api::Refusal| Mistake {
            span: refusal.place.map_or(0..0, |place| span(text, place)),
            message: refusal.status.to_string(),
            help: None,
        };
        in_file(path, text, refusals.0.into_iter().map(placed).collect())
    }
}

impl LoadedScenario {
    /// Makes its cluster, with the objects of its manifests.
    ///
    /// # Errors
    /// When a manifest is refused, or the cluster cannot be made.
    pub fn start(&self) -> Result<Cluster, Stopped> {
        let mut cluster =
            Cluster::start(&self.topology, self.config.clone()).map_err(Stopped::Cluster)?;
        for path in &self.first {
            let objects = self.manifests.files.get(path).map_or(&[][..], |file| &file.objects);
            if let Err(refusals) = cluster.apply(objects).map_err(Stopped::Cluster)? {
                return Err(Stopped::Mistakes(self.manifests.refused(path, refusals)));
            }
        }
        Ok(cluster)
    }

    /// Runs its steps in its cluster.
    ///
    /// # Errors
    /// When a step cannot be done.
    pub fn run(&self, cluster: &mut Cluster) -> Result<Report, RunError> {
        super::run(&self.scenario, &self.topology, &self.manifests, cluster)
    }
}

impl Loaded {
    /// Runs it.
    ///
    /// # Errors
    /// When it cannot be run to its end; `path` and `text` are its own.
    pub fn run(&self, path: &Path, text: &str) -> Result<Report, Stopped> {
        let stopped = |error: RunError| {
            let message = error.to_string();
            let mistake = Mistake { span: error.span, message, help: None };
            Stopped::Mistakes(in_file(path, text, vec![mistake]))
        };
        match self {
            Self::Scenario(loaded) => loaded.run(&mut loaded.start()?).map_err(stopped),
            Self::RuleTest(test) => test.run().map_err(stopped),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_of_a_manifest_reaches_to_the_end_of_its_line() {
        let text = "a: 1\nbé:  two \nc: 3\n";
        assert_eq!(&text[span(text, Place { line: 2, column: 6 })], "two");
        assert_eq!(span(text, Place { line: 9, column: 1 }), text.len()..text.len());
    }

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
