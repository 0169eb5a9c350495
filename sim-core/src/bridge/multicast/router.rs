//! Ports behind which routers are: they get the frames of all groups.

use crate::bridge::multicast::group::{self, Forget};
use crate::bridge::multicast::{McastTimer, RouterMode, arm, disarm};
use crate::id::{BridgeId, PortNo};
use crate::kernel::Kernel;

/// A router is behind a port, or is the host itself (`br_ip4_multicast_mark_router()`).
pub(super) fn mark(k: &mut Kernel, bridge: BridgeId, port: Option<PortNo>) {
    if !group::is_in_use(k, bridge, port) {
        return;
    }
    let br = &mut k.bridges[bridge];
    let after = br.mcast.options.querier_interval;
    let Some(no) = port else {
        if br.mcast.options.router == RouterMode::Learned {
            arm(k, bridge, McastTimer::Router, after);
        }
        return;
    };
    let Some(port) = br.ports.get_mut(no) else { return };
    match port.mcast.router {
        RouterMode::Disabled | RouterMode::Permanent => {}
        RouterMode::Learned | RouterMode::Temporary => {
            port.mcast.is_router = true;
            arm(k, bridge, McastTimer::PortRouter(no), after);
        }
    }
}

/// No query came by the port for long (`br_multicast_router_expired()`).
pub(super) fn expire_port(k: &mut Kernel, bridge: BridgeId, no: PortNo) {
    let mode = k.bridges[bridge].ports.get(no).map(|port| port.mcast.router);
    if matches!(mode, Some(RouterMode::Learned | RouterMode::Temporary)) {
        forget(k, bridge, no);
    }
}

/// No router is behind the port any more (`br_multicast_rport_del_notify()`).
fn forget(k: &mut Kernel, bridge: BridgeId, no: PortNo) {
    let Some(port) = k.bridges[bridge].ports.get_mut(no) else { return };
    if std::mem::replace(&mut port.mcast.is_router, false)
        && port.mcast.router == RouterMode::Temporary
    {
        port.mcast.router = RouterMode::Learned;
    }
}

/// The port goes out of service (`__br_multicast_disable_port_ctx()`).
pub(in crate::bridge) fn disable_port(k: &mut Kernel, bridge: BridgeId, no: PortNo) {
    group::forget_port(k, bridge, no, Forget::Reported);
    disarm(k, bridge, McastTimer::PortRouter(no));
    disarm(k, bridge, McastTimer::PortQuery(no));
    forget(k, bridge, no);
}

/// Says whether a router is behind a port (`br_multicast_set_port_router()`).
pub fn set_port_router(k: &mut Kernel, bridge: BridgeId, no: PortNo, mode: RouterMode) {
    let br = &mut k.bridges[bridge];
    let after = br.mcast.options.querier_interval;
    let Some(port) = br.ports.get_mut(no) else { return };
    if port.mcast.router == mode {
        if mode == RouterMode::Temporary {
            arm(k, bridge, McastTimer::PortRouter(no), after);
        }
        return;
    }
    port.mcast.router = mode;
    match mode {
        RouterMode::Disabled => {
            disarm(k, bridge, McastTimer::PortRouter(no));
            forget(k, bridge, no);
        }
        RouterMode::Learned => forget(k, bridge, no),
        RouterMode::Permanent => {
            port.mcast.is_router = true;
            disarm(k, bridge, McastTimer::PortRouter(no));
        }
        RouterMode::Temporary => mark(k, bridge, Some(no)),
    }
}

/// Says whether the host is a router (`br_multicast_set_router()`).
pub fn set_router(k: &mut Kernel, bridge: BridgeId, mode: RouterMode) {
    k.bridges[bridge].mcast.options.router = mode;
    if matches!(mode, RouterMode::Disabled | RouterMode::Permanent) {
        disarm(k, bridge, McastTimer::Router);
    }
}
