//! Devices (`RTM_NEWLINK`, `RTM_DELLINK`; `net/core/rtnetlink.c`).
//!
//! A request is checked as a whole before anything is changed, in the order in which the kernel
//! looks at its attributes. The kernel itself applies them one by one and may leave a device half
//! changed.

mod add;
mod bridge;
mod ipip;
mod port;
mod set;
mod vxlan;

#[cfg(test)]
mod tests;

use crate::errno::Errno;
use crate::id::{DevId, NetnsId};
use crate::kernel::Kernel;
use crate::link::{DevKind, carrier};
use crate::netlink::NetlinkError;
use crate::netlink::request::{LinkAdd, LinkChange, LinkRef};
use crate::trace::Observer;

/// Adds a device.
///
/// # Errors
///
/// The kernel's refusal; then nothing has changed.
pub fn add<O: Observer>(
    k: &mut Kernel,
    netns: NetnsId,
    spec: &LinkAdd,
    o: &mut O,
) -> Result<(), NetlinkError> {
    let answer = add::add(k, netns, spec, o);
    carrier::run(k, o);
    answer
}

/// Adds a device, and replaces none.
///
/// # Errors
///
/// `EOPNOTSUPP` if it is there already, or another refusal of the kernel; then nothing has changed.
pub fn replace<O: Observer>(
    k: &mut Kernel,
    netns: NetnsId,
    spec: &LinkAdd,
    o: &mut O,
) -> Result<(), NetlinkError> {
    let answer = add::replace(k, netns, spec, o);
    carrier::run(k, o);
    answer
}

/// Changes a device.
///
/// # Errors
///
/// The kernel's refusal; then nothing has changed.
pub fn set<O: Observer>(
    k: &mut Kernel,
    netns: NetnsId,
    link: LinkRef,
    change: &LinkChange,
    o: &mut O,
) -> Result<(), NetlinkError> {
    let dev = find(k, netns, link)?;
    let plan = set::check(k, dev, change)?;
    set::apply(k, dev, change, plan, o);
    carrier::run(k, o);
    Ok(())
}

/// Removes a device.
///
/// # Errors
///
/// `ENODEV` if there is none, `EOPNOTSUPP` for the loopback device.
pub fn del<O: Observer>(
    k: &mut Kernel,
    netns: NetnsId,
    link: &LinkRef,
    o: &mut O,
) -> Result<(), NetlinkError> {
    let dev = find(k, netns, *link)?;
    if matches!(k.devs[dev].kind, DevKind::Loopback) {
        return Err(Errno::EOPNOTSUPP.into());
    }
    k.unregister(dev, o);
    carrier::run(k, o);
    Ok(())
}

/// The device that a request names.
///
/// # Errors
///
/// `ENODEV` if there is none.
pub fn find(k: &Kernel, netns: NetnsId, link: LinkRef) -> Result<DevId, NetlinkError> {
    let found = match link {
        LinkRef::Name(name) => k.dev_by_name(netns, name),
        LinkRef::Index(index) => k.dev_by_index(netns, index),
    };
    found.ok_or_else(|| Errno::ENODEV.into())
}

/// Sets a field if a value is given.
fn assign<T: Copy>(field: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *field = value;
    }
}

/// What this kernel would do and the model does not.
fn unmodelled(what: &str) -> NetlinkError {
    NetlinkError::with_message(Errno::EOPNOTSUPP, format!("{what} is not modelled"))
}
