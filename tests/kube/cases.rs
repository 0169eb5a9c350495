//! The golden cases in `tests/kube-proxy`: what real kube-proxies wrote for the objects that they were given.

use std::fs;
use std::path::{Path, PathBuf};

use sim_kube::manifest;
use sim_kube::object::{Object, Store};

use crate::order;

/// Reads the objects in a file.
fn read(path: &Path) -> Vec<Object> {
    let text = fs::read_to_string(path).unwrap();
    manifest::read(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A case: a directory.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) dir: PathBuf,
    /// Where it is, for messages.
    pub(crate) name: String,
}

impl Case {
    /// All cases of one kind of kube-proxy.
    pub(crate) fn all(kind: &str) -> Vec<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("kube-proxy").join(kind);
        let mut dirs: Vec<PathBuf> =
            fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).collect();
        dirs.sort();
        assert!(!dirs.is_empty(), "no cases of {kind}");
        let of = |dir: PathBuf| {
            let name = dir.file_name().unwrap().to_str().unwrap();
            Self { name: format!("{kind}/{name}"), dir }
        };
        dirs.into_iter().map(of).collect()
    }

    /// A file of the case, or of one of its steps.
    pub(crate) fn text(&self, file: impl AsRef<Path>) -> String {
        let path = self.dir.join(file);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// Where packets ended.
    pub(crate) fn flows(&self) -> String {
        self.text("flows.txt")
    }

    pub(crate) fn has_flows(&self) -> bool {
        self.dir.join("flows.txt").exists()
    }

    /// What was done on the node before kube-proxy came.
    pub(crate) fn before(&self) -> Option<String> {
        fs::read_to_string(self.dir.join("before.sh")).ok()
    }

    /// What the API server held at the beginning.
    pub(crate) fn objects(&self) -> Store {
        let mut objects = Store::default();
        for object in read(&self.dir.join("manifest.yaml")) {
            object.put(&mut objects);
        }
        objects
    }

    /// The names of its steps, in order.
    pub(crate) fn steps(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.dir).unwrap().map(|entry| entry.unwrap().path());
        let mut steps: Vec<String> = entries
            .filter(|path| path.is_dir())
            .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
            .collect();
        steps.sort();
        steps
    }

    /// Whether a step changes objects.
    pub(crate) fn changes(&self, step: &str) -> bool {
        ["apply.yaml", "delete.yaml"].iter().any(|file| self.dir.join(step).join(file).exists())
    }

    /// Changes `objects` as a step does.
    pub(crate) fn change(&self, step: &str, objects: &mut Store) {
        let path = |file| self.dir.join(step).join(file);
        if path("apply.yaml").exists() {
            for object in read(&path("apply.yaml")) {
                object.put(objects);
            }
        }
        if path("delete.yaml").exists() {
            for object in read(&path("delete.yaml")) {
                object.take(objects);
            }
        }
    }

    /// What `iptables-save` printed on the node, without what it had counted of the node's other traffic; `dir` is a
    /// step or nothing.
    pub(crate) fn saved(&self, dir: &str) -> String {
        let text = self.text(Path::new(dir).join("iptables-save.txt"));
        let lines = text.lines().map(|line| match line.rsplit_once(" [") {
            Some((policy, _)) if line.starts_with(':') => format!("{policy} [0:0]\n"),
            Some(_) | None => format!("{line}\n"),
        });
        lines.collect()
    }

    /// What `iptables-restore` was given, call by call; `dir` is a step or nothing.
    pub(crate) fn restores(&self, dir: &str) -> Vec<String> {
        let path = self.dir.join(dir).join("iptables-restore-input.txt");
        let Ok(text) = fs::read_to_string(path) else { return Vec::new() };
        let mut calls = vec![String::new()];
        for line in text.split_inclusive('\n') {
            if line.starts_with("# ---- restore call 1 ") {
                continue;
            } else if line.starts_with("# ---- restore call ") {
                calls.push(String::new());
            } else {
                calls.last_mut().unwrap().push_str(line);
            }
        }
        calls.iter().map(|text| order::of_removals(text)).collect()
    }
}
