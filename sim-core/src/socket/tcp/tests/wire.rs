//! A wire that loses, repeats and delays packets, and programs at its two ends.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::rng::SimRng;
use crate::time::SimTime;

/// One end of a wire.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum End {
    /// The one that connects.
    Client,
    /// The one that listens.
    Server,
}

impl End {
    pub(super) const BOTH: [Self; 2] = [Self::Client, Self::Server];

    pub(super) fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

/// What a wire does to packets, each with its chance in hundredths.
#[derive(Clone, Debug, Default)]
pub(super) struct Faults {
    pub(super) lose: u32,
    pub(super) repeat: u32,
    /// By how many milliseconds a packet is delayed at most: later ones overtake it.
    pub(super) delay_ms: u32,
    /// Which packets are lost for certain: the end that sends them, and their number from 0.
    pub(super) doomed: Vec<(End, u32)>,
}

/// A wire. When two packets in a row were lost, the next two arrive, so that any connection comes to its end:
/// a question and its answer get through before a host gives up.
#[derive(Debug)]
pub(super) struct Wire {
    faults: Faults,
    random: SimRng,
    queue: BTreeMap<(SimTime, u32), (End, Vec<u8>)>,
    sent: u32,
    count: [u32; 2],
    lost_in_a_row: u32,
    spared: u32,
}

impl Wire {
    pub(super) fn new(seed: u64, faults: Faults) -> Self {
        let random = SimRng::new(seed);
        let queue = BTreeMap::new();
        Self { faults, random, queue, sent: 0, count: [0; 2], lost_in_a_row: 0, spared: 0 }
    }

    fn below(&mut self, bound: u32) -> u32 {
        self.random.stream("wire").below(bound)
    }

    fn loses(&mut self, from: End) -> bool {
        let chance = self.below(100) < self.faults.lose;
        let number = self.count[from as usize];
        self.count[from as usize] += 1;
        if self.faults.doomed.contains(&(from, number)) {
            return true;
        }
        if self.spared > 0 {
            self.spared -= 1;
            return false;
        }
        self.lost_in_a_row = if chance { self.lost_in_a_row + 1 } else { 0 };
        if self.lost_in_a_row == 2 {
            (self.lost_in_a_row, self.spared) = (0, 2);
        }
        chance
    }

    /// Takes a packet that an end sends.
    pub(super) fn send(&mut self, from: End, packet: &[u8], now: SimTime) {
        if self.loses(from) {
            return;
        }
        let copies = if self.below(100) < self.faults.repeat { 2 } else { 1 };
        for _ in 0..copies {
            let late = u64::from(self.below(self.faults.delay_ms * 1000 + 1));
            let at = now + Duration::from_micros(late);
            self.queue.insert((at, self.sent), (from.other(), packet.to_vec()));
            self.sent += 1;
        }
    }

    /// When the next packet arrives.
    pub(super) fn next_at(&self) -> Option<SimTime> {
        self.queue.first_key_value().map(|((at, _), _)| *at)
    }

    /// The next packet that has arrived by now, and where.
    pub(super) fn receive(&mut self, now: SimTime) -> Option<(End, Vec<u8>)> {
        let first = self.queue.first_entry().filter(|first| first.key().0 <= now)?;
        Some(first.remove())
    }
}

/// What a program finds when it reads.
#[derive(Debug)]
pub(super) enum Read {
    Data(Vec<u8>),
    Nothing,
    End,
}

/// A connection as a program sees it.
pub(super) trait Stream {
    /// Whether the other end has answered.
    fn is_connected(&mut self) -> bool;
    /// Writes as much as there is room for, and tells how much that was.
    fn write(&mut self, data: &[u8]) -> usize;
    fn read(&mut self, most: usize) -> Read;
    /// Whether a FIN may be sent now.
    fn may_finish(&mut self) -> bool {
        true
    }
    /// Sends nothing more.
    fn finish(&mut self);
    /// Is done with the connection.
    fn close(&mut self);
}

/// When a program says that it sends nothing more.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Manner {
    /// As soon as it has sent all.
    First,
    /// When the other one has said so.
    Second,
}

/// A program that sends something, and reads what comes.
#[derive(Debug)]
pub(super) struct Program {
    to_send: VecDeque<u8>,
    pub(super) received: Vec<u8>,
    manner: Manner,
    chunk: usize,
    saw_end: bool,
    finished: bool,
    pub(super) closed: bool,
}

impl Program {
    /// One that sends `to_send` and reads at most `chunk` bytes at once.
    pub(super) fn new(to_send: &[u8], chunk: usize, manner: Manner) -> Self {
        Self {
            to_send: to_send.iter().copied().collect(),
            received: Vec::new(),
            manner,
            chunk,
            saw_end: false,
            finished: false,
            closed: false,
        }
    }

    /// Does what can be done now; whether that was anything.
    pub(super) fn step(&mut self, stream: &mut impl Stream) -> bool {
        if self.closed || !stream.is_connected() {
            return false;
        }
        let written = stream.write(self.to_send.make_contiguous());
        self.to_send.drain(..written);
        let mut busy = written > 0;
        match stream.read(self.chunk) {
            Read::Data(data) => {
                self.received.extend(data);
                busy = true;
            }
            Read::End => self.saw_end = true,
            Read::Nothing => {}
        }
        let may_finish = self.manner == Manner::First || self.saw_end;
        if self.to_send.is_empty() && may_finish && !self.finished && stream.may_finish() {
            stream.finish();
            (self.finished, busy) = (true, true);
        }
        if self.finished && self.saw_end {
            stream.close();
            (self.closed, busy) = (true, true);
        }
        busy
    }
}
