//! When virtual time passes.
//!
//! | what runs | virtual time |
//! |---|---|
//! | nothing, or only what is stopped | stands still |
//! | a program that waits for something bound to come | runs ahead, event by event, as fast as it can |
//! | only programs that may wait forever | follows the time of the machine |
//!
//! Only the time counts in which everybody sleeps: a script that takes a while to get from one
//! command to the next does not make the world older. Between events, the world's time moves in whole
//! seconds, so that the short moments for which everybody sleeps leave no trace in time stamps.

use std::time::Duration;

use sim_core::world::{Poll, Process};

use super::Server;

/// How many events are handled before the server looks around.
const EVENTS: u32 = 1_000;
/// The step in which time passes when nothing happens.
const STEP: Duration = Duration::from_secs(1);

/// What the server does after it let time pass.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Advance {
    /// It looks for what came of it.
    Stepped,
    /// It waits until something arrives, or for that long.
    Wait(Option<Duration>),
}

/// The time of the machine for which virtual time has to make up.
#[derive(Debug, Default)]
pub(super) struct Pace {
    owed: Duration,
}

impl Pace {
    /// The server waited this long.
    pub(super) fn idle(&mut self, waited: Duration) {
        self.owed += waited;
    }

    /// Takes `step` off if so much is owed; otherwise tells how much is missing.
    fn pay(&mut self, step: Duration) -> Result<(), Duration> {
        self.owed = self.owed.checked_sub(step).ok_or_else(|| step - self.owed)?;
        Ok(())
    }
}

impl Server {
    /// Lets time pass if it may.
    pub(super) fn advance(&mut self) -> Advance {
        if self.someone_hurries() {
            self.pace = Pace::default();
            self.run_ahead()
        } else if self.running().next().is_some() {
            self.follow()
        } else {
            self.pace = Pace::default();
            Advance::Wait(None)
        }
    }

    /// The programs that are not stopped.
    fn running(&self) -> impl Iterator<Item = &Process> {
        self.clients
            .values()
            .filter_map(|client| self.world.process(client.program()?))
            .filter(|process| !process.is_stopped())
    }

    /// Whether a program waits for something that is bound to come.
    fn someone_hurries(&self) -> bool {
        self.running().any(|process| process.state == Poll::WaitBounded)
    }

    /// Goes from event to event until there is something to print or nobody hurries any more.
    fn run_ahead(&mut self) -> Advance {
        for _ in 0..EVENTS {
            let Some(next) = self.world.next_event() else { return Advance::Wait(None) };
            self.world.step_until(next);
            self.collect();
            if !self.to_flush.is_empty() || !self.someone_hurries() {
                break;
            }
        }
        Advance::Stepped
    }

    /// Follows the time of the machine.
    fn follow(&mut self) -> Advance {
        let now = self.world.now();
        let next = self.world.next_event().map_or(now + STEP, |at| at.min(now + STEP));
        if let Err(missing) = self.pace.pay(next.since(now)) {
            return Advance::Wait(Some(missing));
        }
        if !self.world.step_until(next) {
            self.world.run_until(next);
        }
        self.collect();
        Advance::Stepped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_in_pieces_adds_up() {
        let mut pace = Pace::default();
        pace.idle(Duration::from_millis(400));
        assert_eq!(pace.pay(STEP), Err(Duration::from_millis(600)));
        pace.idle(Duration::from_millis(700));
        assert_eq!(pace.pay(STEP), Ok(()));
        assert_eq!(pace.pay(STEP), Err(Duration::from_millis(900)));
        assert_eq!(pace.pay(Duration::ZERO), Ok(()));
    }
}
