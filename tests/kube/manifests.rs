//! Manifests that are refused, with what is said of them beside them.

use std::fs;
use std::path::{Path, PathBuf};

use sim_kube::api::{ApiServer, Settings};
use sim_kube::manifest::{self, MistakeKind, Reading, Unmodelled};
use sim_kube::path::FieldPath;

/// The files with an ending in `tests/manifests/DIR`.
fn files(dir: &str, ending: &str) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("manifests").join(dir);
    let mut files: Vec<PathBuf> = fs::read_dir(root).unwrap().map(|f| f.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == ending));
    files.sort();
    assert!(!files.is_empty(), "no files in {dir}");
    files
}

/// What is said of a manifest.
fn refusal(text: &str) -> String {
    let manifest = match Reading::default().read(text) {
        Ok(manifest) => manifest,
        Err(mistakes) => return mistakes.to_string(),
    };
    let mut server = ApiServer::new(Settings::default()).unwrap();
    let before = server.store().clone();
    match server.apply(&manifest.objects) {
        Ok(_) => "nothing is wrong with it".to_owned(),
        Err(refusals) => {
            assert_eq!(*server.store(), before, "an object was kept: {text}");
            refusals.to_string()
        }
    }
}

#[test]
fn a_refused_manifest_is_refused_with_the_api_servers_words_at_its_place() {
    let mut wrong = Vec::new();
    for file in files("refused", "yaml") {
        let said = refusal(&fs::read_to_string(&file).unwrap());
        let expected = fs::read_to_string(file.with_extension("txt")).unwrap_or_default();
        if std::env::var_os("KUBEWIRE_BLESS").is_some() && expected.is_empty() {
            fs::write(file.with_extension("txt"), format!("{said}\n")).unwrap();
        } else if said != expected.trim_end() {
            wrong.push(format!("{}:\n{said}\n", file.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_expected_message_has_its_manifest() {
    for file in files("refused", "txt") {
        assert!(file.with_extension("yaml").exists(), "{}", file.display());
    }
}

#[test]
fn a_list_is_read_as_its_items() {
    let text = "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Namespace, metadata: {name: a}}\n\
                ---\napiVersion: v1\nkind: PodList\nitems:\n- metadata: {name: b}\n";
    let objects = manifest::read(text).unwrap();
    let found: Vec<(&str, Option<&str>)> =
        objects.iter().map(|o| (o.kind(), o.metadata().name.as_deref())).collect();
    assert_eq!(found, [("Namespace", Some("a")), ("Pod", Some("b"))]);
}

#[test]
fn kinds_that_are_not_modelled_are_left_out_with_a_warning_if_that_is_asked_for() {
    let text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n---\n\
                apiVersion: v1\nkind: Namespace\nmetadata: {name: b}\n";
    let manifest = Reading { unmodelled: Unmodelled::Skip }.read(text).unwrap();
    assert_eq!(manifest.objects.len(), 1);
    let warning = &manifest.warnings[0];
    assert_eq!((warning.place.line, warning.place.column), (2, 7));
    assert!(matches!(&warning.kind, MistakeKind::NotModelled { kind, .. } if kind == "ConfigMap"));
}

#[test]
fn aliases_and_merges_are_resolved() {
    let text = "apiVersion: v1\nkind: Service\nmetadata:\n  name: web\n  labels: &labels {app: web, tier: front}\n\
                spec:\n  selector: {<<: *labels, tier: back}\n  ports: [{port: 80}]\n";
    let objects = manifest::read(text).unwrap();
    let sim_kube::object::Object::Service(service) = &objects[0] else { panic!("{objects:?}") };
    let selector = service.spec.as_ref().unwrap().selector.as_ref().unwrap();
    let found: Vec<(&str, &str)> = selector.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    assert_eq!(found, [("app", "web"), ("tier", "back")]);
}

#[test]
fn aliases_cannot_make_a_document_large() {
    let level = |level: u32| {
        let aliases = vec![format!("*a{}", level - 1); 9].join(", ");
        format!("a{level}: &a{level} [{aliases}]\n")
    };
    let levels: String = (1..9).map(level).collect();
    let text = format!("a0: &a0 [1, 2, 3, 4, 5, 6, 7, 8, 9]\n{levels}");
    let said = refusal(&text);
    assert!(said.contains("document contains excessive aliasing"), "{said}");
    assert!(refusal("a: &a [*a]").contains("anchor value contains itself"));
    assert!(refusal(&"[".repeat(10_000)).contains("yaml: line 1"));
}

#[test]
fn a_field_that_is_not_in_the_file_is_where_it_would_be() {
    let text =
        "apiVersion: v1\nkind: Service\nmetadata:\n  name: web\nspec:\n  ports:\n  - port: 80\n";
    let manifest = Reading::default().read(text).unwrap();
    let place = |path: FieldPath| manifest.objects[0].place_of(&path).to_string();
    let ports = FieldPath::new("spec.ports");
    assert_eq!(place(ports.index(0).field("port")), "7:11");
    assert_eq!(place(ports.index(0).field("nodePort")), "7:5");
    assert_eq!(place(ports.index(1)), "6:3");
    assert_eq!(place(FieldPath::new("spec.type")), "5:1");
    assert_eq!(place(FieldPath::new("status")), "1:1");
}
