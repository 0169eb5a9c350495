//! Passing a packet through a hook (`nf_hook_slow()`).

use crate::errno::Errno;
use crate::ip::reassembly::Datagram;
use crate::kernel::{Flight, Kernel};
use crate::netfilter::conntrack::tell::When;
use crate::netfilter::hooks::HookFn;
use crate::netfilter::queue::{self, Queued};
use crate::netfilter::xtables::rule::TableName;
use crate::netfilter::xtables::traverse;
use crate::netfilter::xtables::traverse::Passed;
use crate::netfilter::{Hook, HookState, Verdict, conntrack, nat, reroute};
use crate::netns::stack::{self, Decision};
use crate::rng::Choice;
use crate::trace::{DropReason, Event, Observer};

/// Passes the packet through the functions that are registered at the hook, in order of priority. Who is sending
/// it hears of it when it is dropped.
///
/// # Errors
/// Why the packet ends here.
pub fn run<O: Observer>(
    k: &mut Kernel,
    f: &mut Flight,
    state: HookState,
    o: &mut O,
) -> Decision<Verdict> {
    let mut n = std::mem::take(&mut f.hook_done);
    // What is registered changes only between packets.
    while let Some((_, function)) = k.netns[f.netns].nf.hooks.at(state.hook).get(n).copied() {
        n += 1;
        let called = call(k, f, state, function, o);
        if O::ENABLED {
            match function {
                HookFn::Track => conntrack::tell::tell(k, f, When::Found, o),
                HookFn::Confirm => conntrack::tell::tell(k, f, When::Confirmed, o),
                HookFn::Defragment | HookFn::Translate | HookFn::Table(_) => {}
            }
        }
        if k.rng.has_chosen() {
            tell_choices(k, f, o);
        }
        match called {
            Ok(Called::Accept) => {}
            Ok(Called::Stolen) => return Ok(Verdict::Stolen),
            Ok(Called::Queue { number, bypass }) => match queue::hold(k, f, number, n) {
                Queued::Waits => return Ok(Verdict::Stolen),
                Queued::NoProgram if bypass => {}
                Queued::NoProgram | Queued::Refused => return Err(DropReason::NotSpecified),
            },
            Err(Refusal { reason, errno }) => {
                if let Some(errno) = errno {
                    k.refuse_send(f, errno);
                }
                return Err(reason);
            }
        }
    }
    Ok(Verdict::Accept)
}

/// Tells what chance decided about the packet.
fn tell_choices<O: Observer>(k: &mut Kernel, f: &Flight, o: &mut O) {
    for Choice { stream, value } in k.rng.take_choices() {
        stack::emit(k, f, o, |_| Event::Chosen { stream, value });
    }
}

/// Why a packet was dropped, and what its sender is told (`NF_DROP_ERR()`).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Refusal {
    /// Why.
    pub(super) reason: DropReason,
    /// What the system call answers, if it does not succeed all the same.
    pub(super) errno: Option<Errno>,
}

impl From<DropReason> for Refusal {
    fn from(reason: DropReason) -> Self {
        Self { reason, errno: Some(Errno::EPERM) }
    }
}

/// What a function decides about a packet that it has not dropped.
enum Called {
    Accept,
    Stolen,
    Queue { number: u16, bypass: bool },
}

impl From<Passed> for Called {
    fn from(passed: Passed) -> Self {
        match passed {
            Passed::On => Self::Accept,
            Passed::Queue { number, bypass } => Self::Queue { number, bypass },
        }
    }
}

/// Calls one function.
fn call<O: Observer>(
    k: &mut Kernel,
    f: &mut Flight,
    state: HookState,
    function: HookFn,
    o: &mut O,
) -> Result<Called, Refusal> {
    match function {
        HookFn::Defragment => match conntrack::defrag::gather(k, f, state.hook) {
            Ok(Datagram::Whole) => Ok(Called::Accept),
            Ok(Datagram::Waiting) => Ok(Called::Stolen),
            Err(reason) => Err(Refusal { reason, errno: None }),
        },
        HookFn::Track => Ok(conntrack::track::track(k, f, state.hook).map(|()| Called::Accept)?),
        HookFn::Confirm => Ok(conntrack::confirm::confirm(k, f).map(|()| Called::Accept)?),
        HookFn::Translate => nat::hook(k, f, state, o).map(Called::from),
        HookFn::Table(n) => {
            let may_reroute = state.hook == Hook::Output
                && k.netns[f.netns].nf.tables[n].name == TableName::Mangle;
            let before = if may_reroute { reroute::Key::of(f) } else { None };
            let passed = traverse::table(k, f, n, state, o)?;
            if may_reroute && before != reroute::Key::of(f) {
                reroute::reroute(k, f)?;
            }
            Ok(passed.into())
        }
    }
}
