//! Boxes for flights, used again and again.

use super::Flight;
use crate::packet::SkbPool;

/// How many free boxes are kept.
const LIMIT: usize = 1024;

/// Boxes that no flight is in. A flight is large, so that it is worth moving by pointer between the
/// queues; and a warm kernel allocates nothing, so that its box is worth keeping.
#[derive(Debug, Default)]
pub(super) struct Seats {
    /// Each still holds what its last flight left, its buffer among it.
    #[expect(clippy::vec_box, reason = "the boxes are what is handed out and taken back")]
    free: Vec<Box<Flight>>,
}

/// A copy has no free box: those hold nothing worth a copy.
impl Clone for Seats {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl Seats {
    /// Puts `flight` into a box.
    pub(super) fn take(&mut self, flight: Flight, pool: &mut SkbPool) -> Box<Flight> {
        let Some(mut seat) = self.free.pop() else { return Box::new(flight) };
        let last = std::mem::replace(&mut *seat, flight);
        pool.give(last.skb);
        seat
    }

    /// Takes back the box of a flight that is over.
    pub(super) fn give(&mut self, seat: Box<Flight>, pool: &mut SkbPool) {
        if self.free.len() < LIMIT {
            self.free.push(seat);
        } else {
            pool.give(seat.skb);
        }
    }
}
