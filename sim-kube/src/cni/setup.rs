//! Which plugin connects the pods of a cluster, and with which settings, as a topology says it.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use super::{CniError, Node, Plugin, conflist, flannel, kubenet};
use crate::files::{NamedFiles, no_files};
use crate::reading::{self, Fields, Mistakes, Placed, suggest};

/// What connects pods if nothing is said.
const DEFAULT: &str = "flannel";
/// The word for no plugin at all.
const NONE: &str = "none";
/// What the table of settings describes.
const TABLE: &str = "the CNI";

/// A network of pods with its settings, before it is known on which nodes.
pub trait Network: fmt::Debug + Send + Sync {
    /// What of it runs on a node.
    ///
    /// # Errors
    /// When the node's pods cannot have addresses.
    fn on(&self, node: Node) -> Result<Box<dyn Plugin>, CniError>;
}

/// Reads the settings of a network, and the files that they name; those that are not said are as plugins are usually set
/// up.
type Read = fn(&mut Fields<'_, '_>, &mut NamedFiles<'_>, &mut Mistakes) -> Arc<dyn Network>;

/// The plugins that can be asked for by name.
const PLUGINS: &[(&str, Read)] = &[
    ("bridge", conflist::options::bridge),
    ("flannel", flannel::options::vxlan),
    ("flannel-host-gw", flannel::options::host_gw),
    ("kubenet", |fields, _, mistakes| kubenet::options(fields, mistakes)),
    ("ptp", conflist::options::ptp),
];

/// The names of the plugins that can be asked for.
pub fn plugin_names() -> impl Iterator<Item = &'static str> {
    PLUGINS.iter().map(|(name, _)| *name)
}

/// Makes the plugin of this name, as it is usually set up, for a node.
///
/// # Errors
/// When there is no such plugin, or the node's pods cannot have addresses.
pub fn plugin(name: &str, node: Node) -> Result<Box<dyn Plugin>, CniError> {
    Setup::usual(name).ok_or_else(|| CniError::Unknown(name.to_owned()))?.on(node)
}

/// The plugin of a cluster, with its settings.
#[derive(Clone, Debug)]
pub struct Setup {
    plugin: &'static str,
    network: Arc<dyn Network>,
}

impl Setup {
    /// The plugin of this name as it is usually set up, if there is one.
    #[must_use]
    pub fn usual(name: &str) -> Option<Self> {
        let (plugin, read) = PLUGINS.iter().find(|(known, _)| *known == name)?;
        let network = reading::read_nothing(TABLE, |fields, mistakes| {
            read(fields, &mut NamedFiles::new(Path::new(""), &mut no_files), mistakes)
        });
        Some(Self { plugin, network })
    }

    /// Reads what a cluster's `cni` says: the name of a plugin, or a table with its settings.
    pub(crate) fn read(
        cluster: &mut Fields<'_, '_>,
        files: &mut NamedFiles<'_>,
        mistakes: &mut Mistakes,
    ) -> Option<Self> {
        if !cluster.has("cni") {
            return Self::usual(DEFAULT);
        }
        if !cluster.has_table("cni") {
            let named = cluster.text("cni", mistakes)?;
            return Self::usual(find(&named, mistakes)?.0);
        }
        let mut fields = cluster.table("cni", TABLE, mistakes)?;
        fields.demand("plugin", &format!("\"{DEFAULT}\""), mistakes);
        let named = fields.text("plugin", mistakes)?;
        let found = find(&named, mistakes);
        let setup = found
            .map(|(plugin, read)| Self { plugin, network: read(&mut fields, files, mistakes) });
        // Nobody knows what settings a plugin has that is not there.
        if setup.is_some() || named.value == NONE {
            fields.finish(mistakes);
        }
        setup
    }

    /// The name of the plugin (one of [`plugin_names`]).
    #[must_use]
    pub const fn plugin(&self) -> &'static str {
        self.plugin
    }

    /// What of it runs on a node.
    ///
    /// # Errors
    /// When the node's pods cannot have addresses.
    pub fn on(&self, node: Node) -> Result<Box<dyn Plugin>, CniError> {
        self.network.on(node)
    }
}

/// The plugin of this name; nothing if there should be none, or it is a mistake.
fn find(named: &Placed<&str>, mistakes: &mut Mistakes) -> Option<(&'static str, Read)> {
    let found = PLUGINS.iter().find(|(name, _)| *name == named.value);
    if found.is_none() && named.value != NONE {
        let names: Vec<&str> = plugin_names().chain([NONE]).collect();
        let help = suggest(named.value, &names, || format!("these are: {}", names.join(", ")));
        let message = format!("the CNI `{}` is not modelled", named.value);
        mistakes.add_with(named.span.clone(), message, help);
    }
    found.copied()
}
