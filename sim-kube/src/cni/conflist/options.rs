//! What a topology says about `bridge` and `ptp`: a whole `*.conflist`, or the settings of the plugin by its own names.

use std::sync::Arc;

use crate::cni::bridge::{self, Bridge, Gateway, Hairpin};
use crate::cni::ipam::Ipam;
use crate::cni::portmap::Portmap;
use crate::cni::ptp::{self, Ptp};
use crate::cni::setup::Network;
use crate::cni::{CniError, Conflist, Node, NodeRoutes, Plugin, written};
use crate::files::NamedFiles;
use crate::reading::{Fields, Mistakes, Placed};

/// What the text of a list describes.
pub(in crate::cni) const LIST: &str = "the list of plugins";

/// A list of plugins, before it is known on which node.
#[derive(Clone, Debug, PartialEq)]
struct Config {
    name: String,
    main: Main,
    portmap: Option<Portmap>,
    /// Whether there are routes to the pods of other nodes.
    has_node_routes: bool,
}

/// The plugin that makes the pod's device.
#[derive(Clone, Debug, PartialEq)]
enum Main {
    Bridge(Bridge<Ipam>),
    Ptp(Ptp<Ipam>),
}

impl Main {
    const fn kind(&self) -> &'static str {
        match self {
            Self::Bridge(_) => "bridge",
            Self::Ptp(_) => "ptp",
        }
    }

    /// The plugin of this kind with its own defaults.
    fn new(kind: &str) -> Self {
        let ipam = Ipam { sets: Vec::new(), routes: Vec::new() };
        match kind {
            "ptp" => Self::Ptp(Ptp::new(ipam)),
            _ => Self::Bridge(Bridge::new(ipam)),
        }
    }

    /// Reads the plugin's own fields; those that are not said stay.
    fn read(self, fields: &mut Fields<'_, '_>, mistakes: &mut Mistakes) -> Self {
        let ipam = fields.table("ipam", "the ipam", mistakes);
        let ipam = ipam.map(|fields| Ipam::read(fields, mistakes));
        match self {
            Self::Bridge(main) => {
                let ipam = ipam.unwrap_or_else(|| main.ipam.clone());
                Self::Bridge(bridge::read(Bridge { ipam, ..main }, fields, mistakes))
            }
            Self::Ptp(main) => {
                let ipam = ipam.unwrap_or_else(|| main.ipam.clone());
                Self::Ptp(ptp::read(Ptp { ipam, ..main }, fields, mistakes))
            }
        }
    }
}

/// A bridge that routes and masquerades, with static routes to the other nodes, if nothing else is said.
pub(in crate::cni) fn bridge(
    fields: &mut Fields<'_, '_>,
    files: &mut NamedFiles<'_>,
    mistakes: &mut Mistakes,
) -> Arc<dyn Network> {
    let main = Bridge {
        gateway: Gateway::Address,
        ip_masq: true,
        hairpin: Hairpin::Port,
        ..Bridge::new(Ipam::default())
    };
    read(Main::Bridge(main), fields, files, mistakes)
}

/// Wires to a node that routes and masquerades, with static routes to the other nodes, if nothing else is said.
pub(in crate::cni) fn ptp(
    fields: &mut Fields<'_, '_>,
    files: &mut NamedFiles<'_>,
    mistakes: &mut Mistakes,
) -> Arc<dyn Network> {
    let main = Ptp { ip_masq: true, ..Ptp::new(Ipam::default()) };
    read(Main::Ptp(main), fields, files, mistakes)
}

fn read(
    main: Main,
    fields: &mut Fields<'_, '_>,
    files: &mut NamedFiles<'_>,
    mistakes: &mut Mistakes,
) -> Arc<dyn Network> {
    let has_node_routes = fields.flag("node-routes", mistakes).unwrap_or(true);
    let kind = main.kind();
    let config = if fields.has("conflist") {
        written::object("conflist", LIST, fields, files, mistakes, |fields, mistakes| {
            list(kind, fields, mistakes)
        })
        .flatten()
    } else {
        let main = main.clone().read(fields, mistakes);
        let portmap = Portmap::read_option(fields, mistakes);
        Some(Config { name: kind.to_owned(), main, portmap, has_node_routes })
    };
    let usual = || Config { name: kind.to_owned(), main, portmap: None, has_node_routes };
    Arc::new(Config { has_node_routes, ..config.unwrap_or_else(usual) })
}

/// Reads a `*.conflist` whose first plugin has to be of this kind.
fn list(kind: &str, fields: &mut Fields<'_, '_>, mistakes: &mut Mistakes) -> Option<Config> {
    let mut main = None;
    let list = read_list(kind, fields, mistakes, |named, fields, mistakes| {
        fields.demand("ipam", "{ \"type\": \"host-local\" }", mistakes);
        // What its fields mean follows from what it says it is.
        main = Some(Main::new(named).read(fields, mistakes));
    });
    let List { name, portmap } = list?;
    Some(Config { name, main: main?, portmap, has_node_routes: true })
}

/// What a list has besides its first plugin.
pub(in crate::cni) struct List {
    /// The network's name.
    pub(in crate::cni) name: String,
    /// The plugin behind the first one.
    pub(in crate::cni) portmap: Option<Portmap>,
}

/// Reads a list of plugins; the type and the fields of the first one, which has to be of this kind, are given to
/// `read_first`.
pub(in crate::cni) fn read_list(
    kind: &str,
    fields: &mut Fields<'_, '_>,
    mistakes: &mut Mistakes,
    read_first: impl FnOnce(&str, &mut Fields<'_, '_>, &mut Mistakes),
) -> Option<List> {
    fields.text("cniVersion", mistakes);
    fields.flag("disableCheck", mistakes);
    fields.flag("disableGC", mistakes);
    fields.demand("name", "\"pods\"", mistakes);
    let name = fields.text("name", mistakes);
    fields.demand("plugins", "[{ \"type\": \"bridge\" }, { \"type\": \"portmap\" }]", mistakes);
    let mut plugins = fields.tables("plugins", "the plugin", mistakes).into_iter();
    if let Some(mut first) = plugins.next()
        && let Some(named) = plugin_type(&mut first, mistakes)
    {
        if named.value != kind {
            let message =
                format!("the first plugin of the list is `{}`, not `{kind}`", named.value);
            mistakes.add_with(named.span, message, "the CNI's `plugin` says which one it is");
        }
        read_first(named.value, &mut first, mistakes);
        first.finish(mistakes);
    }
    let mut portmap = None;
    for mut fields in plugins {
        match plugin_type(&mut fields, mistakes) {
            Some(named) if named.value == "portmap" => {
                portmap = Portmap::read_chained(&mut fields, mistakes);
                fields.finish(mistakes);
            }
            Some(named) => {
                let message = format!("the plugin `{}` is not modelled here", named.value);
                mistakes.add_with(named.span, message, "behind the first one there is `portmap`");
            }
            None => {}
        }
    }
    Some(List { name: name?.value.to_owned(), portmap })
}

/// Reads what all plugins of a list have.
fn plugin_type<'a>(
    fields: &mut Fields<'a, '_>,
    mistakes: &mut Mistakes,
) -> Option<Placed<&'a str>> {
    fields.demand("type", "\"bridge\"", mistakes);
    fields.text("name", mistakes);
    fields.text("cniVersion", mistakes);
    fields.refuse(&["dns", "args", "runtimeConfig", "prevResult"], mistakes);
    fields.text("type", mistakes)
}

impl Network for Config {
    fn on(&self, node: Node) -> Result<Box<dyn Plugin>, CniError> {
        // The ranges are looked at with each call.
        let failed = |error: CniError| error.in_list(self.main.kind());
        Ok(match &self.main {
            Main::Bridge(main) => Box::new(self.list(main.on(&node).map_err(failed)?, &node)),
            Main::Ptp(main) => Box::new(self.list(main.on(&node).map_err(failed)?, &node)),
        })
    }
}

impl Config {
    fn list<M>(&self, main: M, node: &Node) -> Conflist<M> {
        Conflist {
            name: self.name.clone(),
            main,
            portmap: self.portmap.clone(),
            node_routes: self.has_node_routes.then(|| NodeRoutes::new(node.uplink)),
        }
    }
}
