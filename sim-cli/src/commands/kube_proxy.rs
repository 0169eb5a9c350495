//! `kubewire kube-proxy`: the rules that a node's kube-proxy would write.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use sim_kube::host::IptablesBackend;
use sim_kube::manifest;
use sim_kube::object::{Object, Store};
use sim_kube::proxy::Version;
use sim_kube::proxy::alone::{self, AloneError};
use sim_kube::proxy::config::Config;

use crate::commands::written;
use crate::error::{CliError, ErrorKind};
use crate::mistakes;

/// Prints the rules that kube-proxy would write on a node, as input of iptables-restore
///
/// The manifests hold the cluster's Nodes, Services and EndpointSlices; `kubectl get nodes,services,endpointslices
/// --all-namespaces --output yaml` prints those of a real one.
#[derive(Debug, Args)]
pub struct KubeProxy {
    /// A KubeProxyConfiguration; without one all settings have their defaults
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The node whose kube-proxy it is
    #[arg(long, value_name = "NAME")]
    node: String,
    /// The kube-proxy: 1.36, 1.30 or 1.20
    #[arg(long, value_name = "VERSION", default_value_t = Version::default())]
    version: Version,
    /// Print what iptables-save prints on the node instead
    #[arg(long)]
    save: bool,
    /// With --save: the node's iptables is iptables-legacy
    #[arg(long, requires = "save")]
    legacy: bool,
    /// Have `kube-proxy --cleanup` run after the rules were written, and print what it gives to iptables-restore, or
    /// with --save what is left then
    #[arg(long)]
    cleanup: bool,
    /// Files of manifests in YAML or JSON; - is standard input
    #[arg(required = true, value_name = "MANIFEST")]
    manifests: Vec<PathBuf>,
}

impl KubeProxy {
    /// Prints the rules to `out`.
    ///
    /// # Errors
    /// All that is wrong with the files, there is no such node, or `out` does not take the rules.
    pub fn run(&self, mut out: impl Write) -> Result<(), Vec<CliError>> {
        let (config, store) = self.read()?;
        let rules = self.rules(config, &store).map_err(|error| vec![error])?;
        written(out.write_all(rules.as_bytes()).and_then(|()| out.flush()))
            .map_err(|error| vec![error])
    }

    /// Reads all files.
    fn read(&self) -> Result<(Config, Store), Vec<CliError>> {
        let mut errors = Vec::new();
        let config = self.config.as_deref().map(config).transpose();
        let config = config.map_err(|wrong| errors.extend(wrong));
        let mut store = Store::default();
        for path in &self.manifests {
            match objects(path) {
                Ok(objects) => objects.into_iter().for_each(|object| object.put(&mut store)),
                Err(wrong) => errors.extend(wrong),
            }
        }
        match config {
            Ok(config) if errors.is_empty() => Ok((config.unwrap_or_default(), store)),
            Ok(_) | Err(()) => Err(errors),
        }
    }

    fn rules(&self, config: Config, store: &Store) -> Result<String, CliError> {
        let iptables = if self.legacy { IptablesBackend::Legacy } else { IptablesBackend::Nft };
        let run = if self.cleanup { alone::cleanup } else { alone::rules };
        let rules = run(self.version, config, store, &self.node, iptables);
        let rules = rules.map_err(|error| refused(&error, store))?;
        Ok(if self.save { rules.save } else { rules.restore })
    }
}

fn refused(error: &AloneError, store: &Store) -> CliError {
    let message = error.to_string();
    match error {
        AloneError::NoNode(_) => {
            let nodes: Vec<&str> = store.nodes.keys().map(|key| key.name.as_str()).collect();
            let hint = match nodes.as_slice() {
                [] => "the manifests have no nodes; kube-proxy needs its own".to_owned(),
                nodes => format!("the nodes of the manifests: {}", nodes.join(", ")),
            };
            CliError::new(ErrorKind::User, message).hint(hint)
        }
        AloneError::Call(_) => CliError::new(ErrorKind::Internal, message),
    }
}

fn config(path: &Path) -> Result<Config, Vec<CliError>> {
    let (path, text) = read(path)?;
    Config::read(&text).map_err(|found| mistakes::placed_all(path, &text, found))
}

fn objects(path: &Path) -> Result<Vec<Object>, Vec<CliError>> {
    let (path, text) = read(path)?;
    manifest::read(&text).map_err(|found| mistakes::placed_all(path, &text, found.in_text(&text)))
}

/// Reads a file; answers what it is called in messages.
fn read(path: &Path) -> Result<(&Path, String), Vec<CliError>> {
    let (name, read) = match path.as_os_str().as_encoded_bytes() {
        b"-" => {
            let name = Path::new("standard input");
            let read = io::read_to_string(io::stdin().lock());
            (name, read.map_err(|error| CliError::file(name, &error)))
        }
        _ => (path, mistakes::read(path)),
    };
    read.map(|text| (name, text)).map_err(|error| vec![error])
}
