//! The wire between a pod and its node.

use sim_core::errno::Errno;
use sim_core::id::NetnsId;
use sim_core::link::DevName;
use sim_core::netlink::Request;
use sim_core::netlink::request::{LinkAdd, LinkChange, LinkKind, LinkPeer};

use super::{CniError, device};
use crate::host::{CallError, Host};

/// How the pod's device is called (`CNI_IFNAME`).
const POD_DEVICE: &str = "eth0";
/// How many names are tried.
const TRIES: usize = 10;

/// How the pod's device is called.
pub(super) fn pod_device() -> DevName {
    POD_DEVICE.parse().expect("it is a name")
}

/// Makes the pod's device, in the pod's namespace, with the other end on the node, which is switched on; answers the
/// name of that end. A `mtu` of 0 is the kernel's choice.
pub(super) fn make(host: &mut Host<'_>, pod: NetnsId, mtu: u32) -> Result<DevName, CniError> {
    for _ in 0..TRIES {
        let number = host.world.kernel.rng.stream("cni.veth").next_u32();
        let name: DevName = format!("veth{number:08x}").parse().expect("it is a name");
        let request = Request::LinkAdd(pair(name, host.netns, mtu));
        match host.world.request(pod, &request) {
            Ok(()) => {
                device::set_up(host, name)?;
                device::set_if_there(host, &format!("net/ipv6/conf/{name}/accept_ra"), "0")?;
                return Ok(name);
            }
            Err(error) if error.errno != Errno::EEXIST => {
                return Err(CallError::Refused(format!("{request:?}"), error).into());
            }
            Err(_) if device::exists(host, name) => {}
            Err(_) => return Err(CniError::Connected),
        }
    }
    Err(CniError::NoVethName)
}

fn pair(name: DevName, node: NetnsId, mtu: u32) -> LinkAdd {
    let mtu = (mtu > 0).then_some(mtu);
    let peer = LinkPeer {
        name: Some(name),
        change: LinkChange { mtu, netns: Some(node), ..Default::default() },
        ..Default::default()
    };
    LinkAdd {
        name: Some(pod_device()),
        ifindex: None,
        kind: LinkKind::Veth(Box::new(peer)),
        link: None,
        change: LinkChange { mtu, ..Default::default() },
    }
}
