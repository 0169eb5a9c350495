//! What a real kube-apiserver said of manifests (`tests/kube-apiserver`), held against what is said here.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{fmt, fs};

use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Endpoints, Namespace, Node, Pod, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::networking::v1::ServiceCIDR;
use serde_json::{Map, Value};
use sim_kube::api::{ApiServer, Settings, Status};
use sim_kube::manifest::Reading;
use sim_kube::object::{Key, Object};

/// What the real server drew, which is not what is drawn here.
const DRAWN: &str = "DRAWN";

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("kube-apiserver")
}

/// What became of a manifest.
#[derive(Clone, Debug, PartialEq)]
enum Answer {
    /// It was refused with these messages, whose order is that of a file here.
    Refused(BTreeSet<String>),
    /// It was taken.
    Accepted,
    /// It was taken, and these objects were there then.
    Kept(Vec<Value>),
}

/// A manifest and the answer of the real server.
#[derive(Clone, Debug)]
struct Case {
    /// The file and the name in it.
    name: String,
    manifest: String,
    answer: Answer,
}

impl Case {
    fn all() -> Vec<Self> {
        let files = fs::read_dir(directory()).unwrap().map(|file| file.unwrap().path());
        let is_cases = |file: &PathBuf| {
            file.extension().is_some_and(|end| end == "txt") && !file.ends_with("not_yet.txt")
        };
        let mut files: Vec<PathBuf> = files.filter(is_cases).collect();
        files.sort();
        files.iter().flat_map(|file| Self::of_file(file)).collect()
    }

    fn of_file(path: &Path) -> Vec<Self> {
        let text = fs::read_to_string(path).unwrap();
        let stem = path.file_stem().unwrap().to_str().unwrap();
        let mut cases = text.split("\n== ");
        assert!(cases.next().unwrap().starts_with("# "), "{stem} does not say who answered");
        cases.map(|case| Self::read(stem, case)).collect()
    }

    fn read(file: &str, text: &str) -> Self {
        let (title, text) = text.split_once('\n').unwrap();
        let (manifest, answer) = text.split_once("\n-- ").unwrap();
        let answer = answer.trim_end();
        let (word, lines) = answer.split_once('\n').unwrap_or((answer, ""));
        let answer = match word {
            "refused" => Answer::Refused(lines.lines().map(str::to_owned).collect()),
            "accepted" => Answer::Accepted,
            "kept" => Answer::Kept(
                lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect(),
            ),
            other => panic!("{file}: {title}: {other}"),
        };
        Self { name: format!("{file}: {title}"), manifest: format!("{manifest}\n"), answer }
    }

    /// What is different here.
    fn difference(&self) -> Option<String> {
        let found = apply(&self.manifest);
        let is_equal = match (&self.answer, &found) {
            (Answer::Accepted, Answer::Kept(_)) => true,
            (Answer::Kept(expected), Answer::Kept(found)) => {
                let mut pairs = expected.iter().zip(found);
                expected.len() == found.len() && pairs.all(|(e, f)| agrees(e, f))
            }
            (expected, found) => expected == found,
        };
        (!is_equal).then(|| format!("{}\n{}{found}", self.name, self.answer))
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(messages) => {
                writeln!(f, "-- refused")?;
                messages.iter().try_for_each(|message| writeln!(f, "{message}"))
            }
            Self::Accepted => writeln!(f, "-- accepted"),
            Self::Kept(objects) => {
                writeln!(f, "-- kept")?;
                objects.iter().try_for_each(|object| writeln!(f, "{object}"))
            }
        }
    }
}

/// Applies the documents of a manifest one by one, as `kubectl apply` does.
fn apply(manifest: &str) -> Answer {
    let mut server = ApiServer::new(Settings::default()).unwrap();
    let (mut messages, mut applied) = (BTreeSet::new(), Vec::new());
    for document in manifest.split("---\n") {
        match Reading::default().read(document) {
            Err(mistakes) => {
                messages.extend(mistakes.0.iter().map(|mistake| mistake.kind.to_string()));
            }
            Ok(manifest) => match server.apply(&manifest.objects) {
                Ok(now) => applied.extend(manifest.objects.into_iter().zip(now)),
                Err(refusals) => {
                    messages.extend(refusals.0.iter().map(|refusal| message(&refusal.status)));
                }
            },
        }
    }
    if messages.is_empty() {
        let objects = applied.iter().map(|(placed, applied)| (&placed.object, &applied.key));
        Answer::Kept(objects.map(|(object, key)| kept(&server, object, key)).collect())
    } else {
        Answer::Refused(messages)
    }
}

fn message(status: &Status) -> String {
    if let Status::Invalid { error, .. } = status { error.to_string() } else { status.to_string() }
}

/// What is kept of an object, without what says which one it is and how it does.
fn kept(server: &ApiServer, object: &Object, key: &Key) -> Value {
    macro_rules! of_kind {
        ($($kind:ident)*) => {
            match object {
                $(Object::$kind(_) => serde_json::to_value(server.store().get::<$kind>(key)).unwrap(),)*
            }
        };
    }
    let mut object = of_kind!(
        Namespace Node Pod Service Endpoints EndpointSlice Deployment ReplicaSet StatefulSet DaemonSet Job ServiceCIDR
    );
    for field in ["apiVersion", "kind", "metadata", "status"] {
        object.as_object_mut().unwrap().remove(field);
    }
    object
}

/// Whether a value is the real one. Nothing, and what has nothing in it, are one here.
fn agrees(expected: &Value, found: &Value) -> bool {
    match (expected, found) {
        (Value::String(text), found) if text == DRAWN => !is_nothing(found),
        (Value::Object(expected), Value::Object(found)) => {
            let keys: BTreeSet<&String> = expected.keys().chain(found.keys()).collect();
            let get =
                |map: &'_ Map<String, Value>, key: &str| map.get(key).cloned().unwrap_or_default();
            keys.into_iter().all(|key| agrees(&get(expected, key), &get(found, key)))
        }
        (Value::Array(expected), Value::Array(found)) => {
            expected.len() == found.len() && expected.iter().zip(found).all(|(e, f)| agrees(e, f))
        }
        (expected, found) => expected == found || (is_nothing(expected) && is_nothing(found)),
    }
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(map) => map.values().all(is_nothing),
        Value::Array(items) => items.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// The cases that are known to differ: lines `FILE: NAME`, and lines with `#` that say why.
fn not_yet() -> BTreeSet<String> {
    let text = fs::read_to_string(directory().join("not_yet.txt")).unwrap();
    text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
}

#[test]
fn manifests_are_answered_as_a_real_api_server_answered_them() {
    let (cases, not_yet) = (Case::all(), not_yet());
    let differences: Vec<String> = cases
        .iter()
        .filter(|case| !not_yet.contains(&case.name))
        .filter_map(Case::difference)
        .collect();
    assert!(differences.is_empty(), "{} differ\n{}", differences.len(), differences.join("\n"));
    assert!(!cases.is_empty());
}

#[test]
fn what_is_known_to_differ_from_a_real_api_server_does() {
    let cases = Case::all();
    for name in not_yet() {
        let case = cases.iter().find(|case| case.name == name);
        let case = case.unwrap_or_else(|| panic!("there is no case {name:?}"));
        assert!(case.difference().is_some(), "{name} agrees now: take it off not_yet.txt");
    }
}
