//! What the container runtime and the machine's administrator do for pods, whatever the plugin.

use std::net::IpAddr;

use super::{CniError, Plugin, Runtime, Sandbox, device};
use crate::host::{CallError, Host};
use crate::proxy::Version;

/// What a machine's administrator sets before it becomes a node (`/etc/sysctl.d/k8s.conf`): it forwards packets, and
/// those of bridges meet the rules of IP.
const NODE_SETTINGS: &[(&str, &str)] = &[
    ("net.bridge.bridge-nf-call-iptables", "1"),
    ("net.bridge.bridge-nf-call-ip6tables", "1"),
    ("net.ipv4.ip_forward", "1"),
];

/// Prepares a machine for being a node.
///
/// # Errors
/// When the kernel refuses.
pub fn prepare_node(host: &mut Host<'_>) -> Result<(), CallError> {
    NODE_SETTINGS.iter().try_for_each(|(name, value)| host.set_sysctl(name, value))
}

/// Makes a pod's namespace, in which only `lo` is up, and connects it; answers the pod's addresses.
///
/// # Errors
/// When it cannot be made or connected; then it is not there.
pub fn run(
    host: &mut Host<'_>,
    plugin: &mut dyn Plugin,
    sandbox: &Sandbox,
) -> Result<Vec<IpAddr>, CniError> {
    host.must_run(&["ip", "netns", "add", &sandbox.netns], "")?;
    let added = loopback(host, sandbox).and_then(|()| plugin.add(host, sandbox));
    if added.is_err() {
        host.must_run(&["ip", "netns", "del", &sandbox.netns], "")?;
    }
    added
}

/// What the kubelet of a version tells about a pod that could not be connected: its own words, then those of the
/// runtime (up to 1.20 usually `dockershim`, later `containerd`), then those of the plugin.
#[must_use]
pub fn failure(version: Version, runtime: Runtime, sandbox: &Sandbox, error: &CniError) -> String {
    let Sandbox { id, pod_name, pod_namespace, .. } = sandbox;
    let of_dockershim = |network: &str, error: &CniError| {
        format!(
            "failed to set up sandbox container {id:?} network for pod {pod_name:?}: networkPlugin {network} failed to \
             set up pod \"{pod_name}_{pod_namespace}\" network: {error}"
        )
    };
    let told = match (runtime, version) {
        (Runtime::Kubenet, _) => of_dockershim("kubenet", error),
        // Its library did not say yet which plugin of the list it was.
        (Runtime::Cni, Version::V1_20) => of_dockershim("cni", error.of_plugin()),
        (Runtime::Cni, Version::V1_30 | Version::V1_36) => {
            format!("failed to setup network for sandbox {id:?}: {error}")
        }
    };
    format!("Failed to create pod sandbox: rpc error: code = Unknown desc = {told}")
}

/// Disconnects a pod and takes its namespace away.
///
/// # Errors
/// When something cannot be taken away; then the namespace is still there.
pub fn stop(
    host: &mut Host<'_>,
    plugin: &mut dyn Plugin,
    sandbox: &Sandbox,
) -> Result<(), CniError> {
    plugin.del(host, sandbox)?;
    if host.world.netns_by_name(&sandbox.netns).is_some() {
        host.must_run(&["ip", "netns", "del", &sandbox.netns], "")?;
    }
    Ok(())
}

/// Switches on the pod's `lo`, which the runtime asks the plugin `loopback` for.
fn loopback(host: &mut Host<'_>, sandbox: &Sandbox) -> Result<(), CniError> {
    let netns = device::netns(host, &sandbox.netns)?;
    let mut pod = device::within(host, netns);
    Ok(device::set_up(&mut pod, "lo".parse().expect("it is a name"))?)
}
