//! A topology with all the files that belong to it, and the cluster that is made of them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use sim_core::world::World;

use crate::api::{Refusal, Refusals};
use crate::cluster::{Cluster, ClusterError};
use crate::files::{FileMistake, ReadFile, beside, in_file, read_named};
use crate::manifest;
use crate::proxy::config::Config;
use crate::reading::{Mistake, Placed};
use crate::topology::Topology;

/// A topology with what its files say.
#[derive(Clone, Debug)]
pub struct Blueprint {
    /// The topology.
    pub topology: Topology,
    /// The settings of kube-proxy.
    config: Config,
    /// What is applied at the beginning: names of files.
    first: Vec<PathBuf>,
    /// The manifests that were read, under the names of their files.
    manifests: BTreeMap<PathBuf, ManifestFile>,
}

#[derive(Clone, Debug)]
struct ManifestFile {
    text: String,
    objects: Vec<manifest::Placed>,
}

/// What files say could not be done.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Stopped {
    /// Files are wrong.
    Mistakes(Vec<FileMistake>),
    /// The cluster could not be made.
    Cluster(ClusterError),
}

impl Blueprint {
    /// Reads the topology in the file `path`, which holds `text`, and all that it names. The objects of `more`, which
    /// are other files and what they hold, are applied after its own.
    ///
    /// # Errors
    /// All mistakes in all of them.
    pub fn load(
        path: &Path,
        text: &str,
        more: &[(PathBuf, String)],
        read: ReadFile<'_>,
    ) -> Result<Self, Vec<FileMistake>> {
        let mut loader = Loader::new(read);
        loader.topology(path, text);
        for (path, text) in more {
            loader.add_manifest(path, text.clone());
            loader.first.push(path.clone());
        }
        loader.finish()
    }

    /// Makes its cluster in `world`, with the objects of its manifests. The world is a new one with the topology's
    /// seed.
    ///
    /// # Errors
    /// When a manifest is refused, or the cluster cannot be made.
    pub fn start(&self, world: World) -> Result<Cluster, Stopped> {
        let cluster = Cluster::start_in(world, &self.topology, self.config.clone());
        let mut cluster = cluster.map_err(Stopped::Cluster)?;
        for path in &self.first {
            let applied = cluster.apply(self.objects(path)).map_err(Stopped::Cluster)?;
            applied.map_err(|refusals| Stopped::Mistakes(self.refused(path, refusals)))?;
        }
        Ok(cluster)
    }

    /// The objects of a manifest that was read.
    pub(crate) fn objects(&self, path: &Path) -> &[manifest::Placed] {
        self.manifests.get(path).map_or(&[], |file| &file.objects)
    }

    /// What an API server refuses in a file.
    fn refused(&self, path: &Path, refusals: Refusals) -> Vec<FileMistake> {
        let text = self.manifests.get(path).map(|file| file.text.as_str()).unwrap_or_default();
        let placed = |refusal: Refusal| Mistake {
            span: refusal.place.map_or(0..0, |place| place.span(text)),
            message: refusal.status.to_string(),
            help: None,
        };
        in_file(path, text, refusals.0.into_iter().map(placed).collect())
    }
}

/// Reads a topology and what belongs to it. Mistakes are kept to the end, so that all of them are told.
pub(crate) struct Loader<'a> {
    read: ReadFile<'a>,
    mistakes: Vec<FileMistake>,
    topology: Option<Topology>,
    config: Config,
    first: Vec<PathBuf>,
    manifests: BTreeMap<PathBuf, ManifestFile>,
    /// The manifests that were read, right or wrong.
    known: BTreeSet<PathBuf>,
}

impl<'a> Loader<'a> {
    pub(crate) fn new(read: ReadFile<'a>) -> Self {
        Self {
            read,
            mistakes: Vec::new(),
            topology: None,
            config: Config::default(),
            first: Vec::new(),
            manifests: BTreeMap::new(),
            known: BTreeSet::new(),
        }
    }

    /// What was read, if nothing is wrong.
    pub(crate) fn finish(self) -> Result<Blueprint, Vec<FileMistake>> {
        let Self { read: _, mistakes, topology, config, first, manifests, known: _ } = self;
        match topology {
            Some(topology) if mistakes.is_empty() => {
                Ok(Blueprint { topology, config, first, manifests })
            }
            Some(_) | None => Err(mistakes),
        }
    }

    /// Reads the topology that another file names, and the files that it names itself.
    pub(crate) fn named_topology(&mut self, by: &Path, by_text: &str, name: &Placed<String>) {
        if let Some((path, text)) = self.file(by, by_text, name) {
            self.topology(&path, &text);
        }
    }

    fn topology(&mut self, path: &Path, text: &str) {
        let (topology, found) = Topology::read_all(path, text, self.read);
        self.mistakes.extend(found);
        if let Some(spec) = &topology.cluster {
            if let Some(name) = &spec.kube_proxy_config {
                self.config(path, text, name);
            }
            for name in &spec.manifests {
                self.first_manifest(path, text, name);
            }
        }
        self.topology = Some(topology);
    }

    fn config(&mut self, by: &Path, by_text: &str, name: &Placed<String>) {
        let Some((path, text)) = self.file(by, by_text, name) else { return };
        match Config::read(&text) {
            Ok(config) => self.config = config,
            Err(found) => self.mistakes.extend(in_file(&path, &text, found)),
        }
    }

    /// Reads a manifest that is applied at the beginning.
    pub(crate) fn first_manifest(&mut self, by: &Path, by_text: &str, name: &Placed<String>) {
        let path = self.manifest(by, by_text, name);
        self.first.push(path);
    }

    /// Reads a manifest, once; answers under which name.
    pub(crate) fn manifest(&mut self, by: &Path, by_text: &str, name: &Placed<String>) -> PathBuf {
        let path = beside(by, &name.value);
        if self.known.contains(&path) {
            return path;
        }
        match self.file(by, by_text, name) {
            Some((path, text)) => self.add_manifest(&path, text),
            None => drop(self.known.insert(path.clone())),
        }
        path
    }

    /// Reads a manifest that holds `text`, if it was not read before.
    fn add_manifest(&mut self, path: &Path, text: String) {
        if !self.known.insert(path.to_owned()) {
            return;
        }
        match manifest::Reading::default().read(&text) {
            Ok(read) => {
                let file = ManifestFile { text, objects: read.objects };
                self.manifests.insert(path.to_owned(), file);
            }
            Err(mistakes) => {
                let found = mistakes.in_text(&text);
                self.mistakes.extend(in_file(path, &text, found));
            }
        }
    }

    /// Reads a file that another one names.
    fn file(&mut self, by: &Path, text: &str, name: &Placed<String>) -> Option<(PathBuf, String)> {
        let read = read_named(self.read, by, name);
        read.map_err(|wrong| self.mistakes.extend(in_file(by, text, vec![wrong]))).ok()
    }
}
