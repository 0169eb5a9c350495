//! Who listens to the event stream.

use crate::kernel::Kernel;
use crate::trace::{Event, Moment};

/// A listener. It is a generic parameter of the packet path, so that a run which nobody watches
/// pays nothing for the possibility.
pub trait Observer {
    /// Whether anything is done with events; if not, they need not even be made.
    const ENABLED: bool;

    /// Takes note of `event`. The kernel is there to look names up in; it is as it was when the
    /// event happened.
    fn observe(&mut self, kernel: &Kernel, moment: Moment, event: Event<'_>);
}

/// Nobody listens.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoObserver;

impl Observer for NoObserver {
    const ENABLED: bool = false;

    fn observe(&mut self, _: &Kernel, _: Moment, _: Event<'_>) {}
}
