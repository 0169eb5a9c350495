//! Queueing disciplines (`RTM_NEWQDISC`, `RTM_DELQDISC`; `net/sched/sch_api.c`).

use crate::errno::Errno;
use crate::id::{DevId, NetnsId};
use crate::kernel::Kernel;
use crate::link::qdisc::{Handle, Netem, Qdisc, graft};
use crate::netlink::request::{NetemOptions, QdiscKind, QdiscSpec, QdiscVerb};
use crate::netlink::{NetlinkError, link};
use crate::trace::Observer;

fn refuse(errno: Errno, text: &'static str) -> NetlinkError {
    NetlinkError::with_message(errno, text)
}

fn invalid_name() -> NetlinkError {
    refuse(Errno::EINVAL, "Invalid qdisc name")
}

fn unknown_kind() -> NetlinkError {
    refuse(Errno::ENOENT, "Specified qdisc kind is unknown")
}

/// What a request finds.
enum Target {
    /// One that is to be changed.
    There,
    /// Nothing: it is to be made.
    Missing,
}

/// Puts one at the root of a device, or changes the one there (`tc_modify_qdisc()`).
///
/// # Errors
///
/// The kernel's refusal.
pub fn set<O: Observer>(
    k: &mut Kernel,
    netns: NetnsId,
    spec: &QdiscSpec,
    verb: QdiscVerb,
    o: &mut O,
) -> Result<(), NetlinkError> {
    let dev = device(k, netns, spec)?;
    match target(k, dev, spec, verb)? {
        Target::There => {
            if verb == QdiscVerb::Add {
                return Err(refuse(Errno::EEXIST, "Exclusivity flag on, cannot modify"));
            }
            let options = match &spec.kind {
                None => return Ok(()),
                Some(QdiscKind::Netem(options)) => options,
                Some(QdiscKind::Unknown(_)) => return Err(invalid_name()),
            };
            if let Some(qdisc) = &mut k.devs[dev].root_qdisc {
                qdisc.netem.change(options);
            }
            Ok(())
        }
        Target::Missing => {
            let options = creatable(spec, verb)?;
            check_duplication(k, dev, options)?;
            let handle = match spec.handle {
                Some(handle) => handle,
                None => k.next_qdisc_handle(dev),
            };
            graft(k, dev, Some(Qdisc::new(handle, Netem::new(options))), o);
            Ok(())
        }
    }
}

/// Where packets come twice, no other `netem` may be on the device, not even the one that it takes the place of
/// (`check_netem_in_tree()`).
fn check_duplication(k: &Kernel, dev: DevId, new: &NetemOptions) -> Result<(), NetlinkError> {
    let there = k.devs[dev].root_qdisc.as_ref().map(|qdisc| qdisc.netem.options());
    if there.is_some_and(|there| there.duplicate != 0 || new.duplicate != 0) {
        let text = "netem: cannot mix duplicating netems with other netems in tree";
        return Err(refuse(Errno::EINVAL, text));
    }
    Ok(())
}

/// Takes the one at the root of a device away (`tc_get_qdisc()`).
///
/// # Errors
///
/// The kernel's refusal.
pub fn del<O: Observer>(
    k: &mut Kernel,
    netns: NetnsId,
    spec: &QdiscSpec,
    o: &mut O,
) -> Result<(), NetlinkError> {
    let dev = device(k, netns, spec)?;
    let handle = handle(k, dev);
    if !spec.root {
        return Err(match spec.handle {
            Some(wanted) if handle == Some(wanted) => {
                let fits = spec.kind.as_ref().is_none_or(is_netem);
                if fits { refuse(Errno::EINVAL, "Classid cannot be zero") } else { invalid_name() }
            }
            Some(_) | None => refuse(Errno::ENOENT, "Failed to find qdisc with specified handle"),
        });
    }
    if spec.handle.is_some() && spec.handle != handle {
        return Err(refuse(Errno::EINVAL, "Invalid handle"));
    }
    match (&spec.kind, handle) {
        (Some(kind), Some(_)) if !is_netem(kind) => Err(invalid_name()),
        (Some(_), None) => Err(invalid_name()),
        (None, None) => Err(refuse(Errno::ENOENT, "Cannot delete qdisc with handle of zero")),
        (Some(_) | None, Some(_)) => {
            graft(k, dev, None, o);
            Ok(())
        }
    }
}

fn is_netem(kind: &QdiscKind) -> bool {
    match kind {
        QdiscKind::Netem(_) => true,
        QdiscKind::Unknown(_) => false,
    }
}

fn device(k: &Kernel, netns: NetnsId, spec: &QdiscSpec) -> Result<DevId, NetlinkError> {
    let dev = spec.dev.ok_or(Errno::ENODEV)?;
    link::find(k, netns, dev)
}

/// The number of the one at the root; those of the kernel's own do not count.
fn handle(k: &Kernel, dev: DevId) -> Option<Handle> {
    k.devs[dev].root_qdisc.as_ref().map(|qdisc| qdisc.handle)
}

fn target(
    k: &Kernel,
    dev: DevId,
    spec: &QdiscSpec,
    verb: QdiscVerb,
) -> Result<Target, NetlinkError> {
    let there = handle(k, dev);
    match (spec.root, spec.handle) {
        (false, None) => Err(refuse(Errno::EINVAL, "Handle cannot be zero")),
        (false, Some(handle)) if there == Some(handle) => Ok(Target::There),
        (false, Some(_)) => Err(refuse(Errno::ENOENT, "Specified qdisc not found")),
        (true, Some(handle)) if there == Some(handle) => Ok(Target::There),
        (true, Some(_))
            if there.is_some() && matches!(verb, QdiscVerb::Add | QdiscVerb::Change) =>
        {
            Err(refuse(Errno::EEXIST, "NLM_F_REPLACE needed to override"))
        }
        (true, Some(_)) => Ok(Target::Missing),
        (true, None) if there.is_none() => Ok(Target::Missing),
        // Another kind would take its place, even if only a change is asked for.
        (true, None)
            if verb != QdiscVerb::Link
                && spec.kind.as_ref().is_some_and(|kind| !is_netem(kind)) =>
        {
            Err(unknown_kind())
        }
        (true, None) => Ok(Target::There),
    }
}

/// What a new one does, if it can be made (`qdisc_create()`).
fn creatable(spec: &QdiscSpec, verb: QdiscVerb) -> Result<&NetemOptions, NetlinkError> {
    if matches!(verb, QdiscVerb::Change | QdiscVerb::Link) {
        let text = "Qdisc not found. To create specify NLM_F_CREATE flag";
        return Err(refuse(Errno::ENOENT, text));
    }
    match &spec.kind {
        Some(QdiscKind::Netem(options)) => Ok(options),
        Some(QdiscKind::Unknown(_)) | None => Err(unknown_kind()),
    }
}
