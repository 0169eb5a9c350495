//! What can go wrong when plugins work, in their own words.

use ipnet::Ipv4Net;
use sim_core::errno::Errno;
use sim_core::link::DevName;

use super::host_local;
use crate::host::CallError;
use crate::proxy::service::Protocol;

/// A plugin could not do what it was asked to do.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum CniError {
    /// A command failed, or a request was refused.
    #[error(transparent)]
    Call(#[from] CallError),
    /// There is no address, or none can be.
    #[error(transparent)]
    Ipam(#[from] host_local::IpamError),
    /// There is no namespace of this name.
    #[error(
        "failed to open netns \"/var/run/netns/{0}\": failed to Statfs \"/var/run/netns/{0}\": no such file or directory"
    )]
    NoNetns(String),
    /// There is no such device.
    #[error("failed to lookup \"{0}\": Link not found")]
    NoDevice(DevName),
    /// A device cannot be called so.
    #[error("failed to create vxlan device: {0:?} is no name of a device")]
    DeviceName(String),
    /// All the names that were drawn for a device are taken.
    #[error("failed to find a unique veth name")]
    NoVethName,
    /// The pod's device is there already.
    #[error("container veth name provided (eth0) already exists")]
    Connected,
    /// The bridge belongs to another subnet.
    #[error(
        "failed to set bridge addr: \"{bridge}\" already has an IP address different from {address}"
    )]
    OtherAddress {
        /// The bridge.
        bridge: DevName,
        /// The address that it should have.
        address: Ipv4Net,
    },
    /// The node's pods are not among those that flannel is there for.
    #[error(
        "failed to acquire lease: subnet \"{network}\" specified in the flannel net config doesn't contain \"{pod_cidr}\" PodCIDR of the \"{node}\" node"
    )]
    OutsideOfNetwork {
        /// What flannel is there for.
        network: Ipv4Net,
        /// The addresses of the node's pods.
        pod_cidr: Ipv4Net,
        /// The node.
        node: String,
    },
    /// A plugin of a list failed.
    #[error("plugin type={kind:?} failed (add): {error}")]
    InList {
        /// Which one.
        kind: &'static str,
        /// Why.
        error: Box<Self>,
    },
    /// The plugin `bridge` failed, which `flannel` calls.
    #[error("failed to delegate add: {0}")]
    Delegate(Box<Self>),
    /// `flanneld` has not found out anything, as it does not start.
    #[error(
        "failed to load flannel 'subnet.env' file: open /run/flannel/subnet.env: no such file or directory. Check the flannel pod log for this node."
    )]
    NoSubnetEnv,
    /// The plugin `bridge` failed, which kubenet calls.
    #[error("error adding container to network: {0}")]
    Kubenet(Box<Self>),
    /// The kubelet cannot listen on a port of the node that is to lead to a pod.
    #[error(
        "cannot open hostport {port} for pod {pod}: listen {} :{port}: bind: {}",
        .protocol.lower(),
        .errno.to_string().to_lowercase()
    )]
    HostPort {
        /// The pod's name and namespace.
        pod: String,
        /// The protocol.
        protocol: Protocol,
        /// The port.
        port: u16,
        /// Why.
        errno: Errno,
    },
    /// No plugin of this name is known.
    #[error("no network plugin called {0:?} is modelled")]
    Unknown(String),
    /// Something that the real plugin does is not modelled.
    #[error("{0} is not modelled")]
    Unmodelled(&'static str),
}

impl CniError {
    /// Whether it is not the modelled machine that fails, but the model, which does not go so far.
    #[must_use]
    pub fn is_unmodelled(&self) -> bool {
        match self {
            Self::Unmodelled(_) | Self::Unknown(_) | Self::Call(CallError::NotRun(..)) => true,
            Self::InList { error, .. } | Self::Delegate(error) | Self::Kubenet(error) => {
                error.is_unmodelled()
            }
            Self::Call(CallError::Failed(..) | CallError::Refused(..))
            | Self::Ipam(_)
            | Self::NoNetns(_)
            | Self::NoDevice(_)
            | Self::DeviceName(_)
            | Self::NoVethName
            | Self::Connected
            | Self::OtherAddress { .. }
            | Self::OutsideOfNetwork { .. }
            | Self::NoSubnetEnv
            | Self::HostPort { .. } => false,
        }
    }

    /// The same as the failure of a plugin in a list, if it is not one already.
    pub(super) fn in_list(self, kind: &'static str) -> Self {
        let is_one = matches!(self, Self::InList { .. });
        if is_one { self } else { Self::InList { kind, error: Box::new(self) } }
    }

    /// What the plugin itself says.
    pub(super) fn of_plugin(&self) -> &Self {
        if let Self::InList { error, .. } = self { error } else { self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_modelled_is_known_behind_other_words() {
        let inner = || Box::new(CniError::Unmodelled("a router of its own for a route"));
        let error = CniError::Delegate(inner()).in_list("flannel");
        assert!(error.is_unmodelled() && CniError::Kubenet(inner()).is_unmodelled());
        assert_eq!(
            error.to_string(),
            "plugin type=\"flannel\" failed (add): failed to delegate add: a router of its own for a route is not modelled"
        );
        assert!(!CniError::NoSubnetEnv.in_list("flannel").is_unmodelled());
    }
}
