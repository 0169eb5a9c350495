//! What a topology says about flannel: the two texts of its ConfigMap, `net-conf.json` and `cni-conf.json`, or the
//! settings by the names that they have there, and the flags of `flanneld`.

use std::sync::Arc;

use ipnet::Ipv4Net;

use super::{BackendConfig, Config, Delegate, Flannel, IpMasq, VxlanConfig};
use crate::cni::conflist::options::{LIST, List, read_list};
use crate::cni::portmap::Portmap;
use crate::cni::setup::Network;
use crate::cni::{Bridge, CniError, Node, Plugin, bridge, written};
use crate::files::NamedFiles;
use crate::reading::{Fields, Mistakes};

/// From this identifier of a network on `flannel.VNI` is too long for the name of a device, so that `flanneld` does not
/// start.
const VNIS: i64 = 10_000_000;

/// flannel as its manifest has it, if nothing else is said.
pub(in crate::cni) fn vxlan(
    fields: &mut Fields<'_, '_>,
    files: &mut NamedFiles<'_>,
    mistakes: &mut Mistakes,
) -> Arc<dyn Network> {
    Arc::new(read(Config::default(), fields, files, mistakes))
}

/// The same, with routes in the place of tunnels.
pub(in crate::cni) fn host_gw(
    fields: &mut Fields<'_, '_>,
    files: &mut NamedFiles<'_>,
    mistakes: &mut Mistakes,
) -> Arc<dyn Network> {
    Arc::new(read(Config::host_gw(), fields, files, mistakes))
}

impl Network for Config {
    fn on(&self, node: Node) -> Result<Box<dyn Plugin>, CniError> {
        Ok(Box::new(Flannel::new(self.clone(), node)?))
    }
}

fn read(
    mut config: Config,
    fields: &mut Fields<'_, '_>,
    files: &mut NamedFiles<'_>,
    mistakes: &mut Mistakes,
) -> Config {
    match fields.flag("ip-masq", mistakes) {
        Some(true) => config.ip_masq = IpMasq::Flanneld,
        Some(false) => config.ip_masq = IpMasq::Bridge,
        None => {}
    }
    let forward = fields.flag("iptables-forward-rules", mistakes);
    config.forward_rules = forward.unwrap_or(config.forward_rules);
    if fields.has("net-conf") {
        let what = "net-conf.json";
        written::object("net-conf", what, fields, files, mistakes, |fields, mistakes| {
            net_conf(&mut config, fields, mistakes);
        });
    } else if let Some(fields) = fields.table("Backend", "the backend", mistakes) {
        config.backend = backend(fields, mistakes).unwrap_or(config.backend);
    }
    if fields.has("cni-conf") {
        written::object("cni-conf", LIST, fields, files, mistakes, |fields, mistakes| {
            cni_conf(&mut config, fields, mistakes);
        });
    } else {
        if let Some(mut fields) = fields.table("delegate", "the delegate", mistakes) {
            config.delegate = delegate(config.delegate.clone(), &mut fields, mistakes);
            fields.finish(mistakes);
        }
        config.portmap = Portmap::read_option(fields, mistakes);
    }
    config
}

/// Reads `net-conf.json`. With Kubernetes the nodes' subnets are those of their Nodes, whatever it says about them.
fn net_conf(config: &mut Config, fields: &mut Fields<'_, '_>, mistakes: &mut Mistakes) {
    fields.demand("Network", "\"10.42.0.0/16\"", mistakes);
    let form = "a range of addresses such as 10.42.0.0/16";
    let network = fields.parsed::<Ipv4Net>("Network", form, mistakes);
    config.network = network.map(|network| network.value.trunc());
    for unused in ["SubnetMin", "SubnetMax", "IPv6Network", "IPv6SubnetMin", "IPv6SubnetMax"] {
        fields.text(unused, mistakes);
    }
    fields.number("SubnetLen", 0..33, mistakes);
    fields.number("IPv6SubnetLen", 0..129, mistakes);
    if fields.flag("EnableIPv4", mistakes) == Some(false) {
        fields.refuse(&["EnableIPv4"], mistakes);
    }
    fields.refuse_on(&["EnableIPv6", "EnableNFTables"], mistakes);
    fields.demand("Backend", "{ \"Type\": \"vxlan\" }", mistakes);
    if let Some(fields) = fields.table("Backend", "the backend", mistakes) {
        config.backend = backend(fields, mistakes).unwrap_or(config.backend);
    }
}

fn backend(mut fields: Fields<'_, '_>, mistakes: &mut Mistakes) -> Option<BackendConfig> {
    fields.demand("Type", "\"vxlan\"", mistakes);
    let backend = match fields.word("Type", &["vxlan", "host-gw"], mistakes)? {
        "vxlan" => BackendConfig::Vxlan(vxlan_config(&mut fields, mistakes)),
        _ => BackendConfig::HostGw,
    };
    fields.finish(mistakes);
    Some(backend)
}

fn vxlan_config(fields: &mut Fields<'_, '_>, mistakes: &mut Mistakes) -> VxlanConfig {
    let usual = VxlanConfig::default();
    let vni = fields.number("VNI", 0..VNIS, mistakes);
    let port = fields.number("Port", 0..65_536, mistakes);
    let mtu = fields.number("MTU", 0..65_536, mistakes);
    fields.refuse_on(&["GBP", "Learning"], mistakes);
    VxlanConfig {
        vni: vni.and_then(|vni| vni.value.try_into().ok()).unwrap_or(usual.vni),
        port: port.and_then(|port| port.value.try_into().ok()).filter(|port| *port != 0),
        mtu: mtu.and_then(|mtu| mtu.value.try_into().ok()).filter(|mtu| *mtu != 0),
        direct_routing: fields.flag("DirectRouting", mistakes).unwrap_or(usual.direct_routing),
    }
}

/// Reads `cni-conf.json`, which has the plugin `flannel`, and perhaps `portmap`.
fn cni_conf(config: &mut Config, fields: &mut Fields<'_, '_>, mistakes: &mut Mistakes) {
    config.delegate = Delegate::of_plugin();
    let list = read_list("flannel", fields, mistakes, |_, fields, mistakes| {
        // Where it finds what `flanneld` has found out, and keeps what it called; there are no such files here.
        fields.text("subnetFile", mistakes);
        fields.text("dataDir", mistakes);
        fields.refuse(&["ipam"], mistakes);
        if let Some(mut fields) = fields.table("delegate", "the delegate", mistakes) {
            config.delegate = delegate(Delegate::of_plugin(), &mut fields, mistakes);
            fields.finish(mistakes);
        }
    });
    if let Some(List { name, portmap }) = list {
        (config.name, config.portmap) = (name, portmap);
    }
}

/// Reads what `flannel` calls `bridge` with.
fn delegate(usual: Delegate, fields: &mut Fields<'_, '_>, mistakes: &mut Mistakes) -> Delegate {
    fields.text("cniVersion", mistakes);
    fields.word("type", &["bridge"], mistakes);
    fields.refuse(&["name", "ipam"], mistakes);
    let (says_mtu, says_masq) = (fields.has("mtu"), fields.has("ipMasq"));
    let bridge: Bridge<()> = bridge::read(usual.bridge, fields, mistakes);
    Delegate {
        mtu: if says_mtu { Some(bridge.mtu) } else { usual.mtu },
        ip_masq: if says_masq { Some(bridge.ip_masq) } else { usual.ip_masq },
        bridge,
    }
}
