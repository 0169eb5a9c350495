//! The event stream: what a flight meets, told to whoever observes.

pub mod drop_reason;
pub mod event;
pub mod observer;
pub mod record;
pub mod recorder;
pub mod sink;

pub use drop_reason::DropReason;
pub use event::{Direction, Event, Judged, Met, Moment, Origin, Traced, Tracked, Words};
pub use observer::{NoObserver, Observer};
pub use recorder::{Keep, Recorder};
