//! What is recorded of a run. Steps look at what they have done; whoever runs them may want to have all of it.

use sim_core::trace::record::Record;
use sim_core::trace::{Keep, Recorder};
use sim_core::world::World;

/// Takes what was recorded, in order.
pub type Sink<'a> = &'a mut dyn FnMut(&[Record]);

/// The recording of a run.
#[derive(Default)]
pub(super) struct Tape<'a> {
    sink: Option<Sink<'a>>,
}

impl<'a> Tape<'a> {
    /// A recording that is given to `sink`, if there is one.
    pub(super) fn new(sink: Option<Sink<'a>>) -> Self {
        Self { sink }
    }

    /// Begins to record a new world, if somebody wants to have all of it.
    pub(super) fn start(&self, world: &mut World) {
        if self.sink.is_some() {
            world.set_recorder(Some(Recorder::new(Keep::Everything)));
        }
    }

    /// Passes on what was recorded since the last time.
    pub(super) fn pass_on(&mut self, world: &mut World) -> Vec<Record> {
        let records = world.take_records();
        if let Some(sink) = &mut self.sink {
            sink(&records);
        }
        records
    }

    /// Records something that is done.
    pub(super) fn begin(&mut self, world: &mut World) {
        self.pass_on(world);
        world.set_recorder(Some(Recorder::new(Keep::Everything)));
    }

    /// What was recorded since then.
    pub(super) fn end(&mut self, world: &mut World) -> Vec<Record> {
        let records = self.pass_on(world);
        if self.sink.is_none() {
            world.set_recorder(None);
        }
        records
    }
}
