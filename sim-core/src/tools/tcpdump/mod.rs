//! `tcpdump` 4.99.3: shows and keeps what devices see.

mod args;
mod file;
mod filter;
mod live;
mod stamp;

use crate::packet::summary::{Captured, Summarizer};
use crate::tools::Call;
use crate::tools::iputils::Ended;
use crate::tools::tcpdump::args::Args;
use crate::tools::tcpdump::file::{Reader, Writer};
use crate::tools::tcpdump::live::Live;
use crate::tools::tcpdump::stamp::Clock;
use crate::world::{Poll, Program, Signal, Sys};

pub(super) fn start(call: Call) -> Box<dyn Program> {
    Box::new(Tcpdump { call, session: None })
}

#[derive(Clone, Debug)]
struct Tcpdump {
    call: Call,
    session: Option<Box<Session>>,
}

/// Where frames come from.
#[derive(Clone, Debug)]
enum Source {
    Live(Live),
    File(Reader),
}

#[derive(Clone, Debug)]
struct Session {
    source: Source,
    output: Output,
}

/// What becomes of frames.
#[derive(Clone, Debug)]
struct Output {
    args: Args,
    summarizer: Summarizer,
    clock: Clock,
    writer: Option<Writer>,
    captured: u64,
}

impl Program for Tcpdump {
    fn poll(&mut self, sys: &mut Sys<'_>) -> Poll {
        let session = match &mut self.session {
            Some(session) => session,
            None => match open(sys, self.call.args()) {
                Ok(Some(session)) => self.session.insert(Box::new(session)),
                Ok(None) => return Poll::Exit(0),
                Err(ended) => return end(sys, &ended),
            },
        };
        match session.run(sys) {
            Ok(poll) => poll,
            Err(ended) => end(sys, &ended),
        }
    }

    fn boxed_clone(&self) -> Box<dyn Program> {
        Box::new(self.clone())
    }
}

fn end(sys: &mut Sys<'_>, ended: &Ended) -> Poll {
    sys.stdout(&ended.stdout);
    sys.stderr(&ended.stderr);
    Poll::Exit(ended.status)
}

/// Starts; `None` if all was done.
fn open(sys: &mut Sys<'_>, words: &[String]) -> Result<Option<Session>, Ended> {
    let args = args::parse(words)?;
    if args.list {
        let list = live::list(sys);
        sys.stdout(list);
        return Ok(None);
    }
    let source = match &args.read {
        Some(path) => Source::File(Reader::open(sys, path)),
        None => Source::Live(Live::open(sys, &args)?),
    };
    let writer = match (&args.write, &source) {
        (Some(path), Source::Live(live)) => {
            Some(Writer::create(sys, path, live.link(), args.snaplen))
        }
        (Some(_), Source::File(_)) => {
            return Err(args::fatal("-w together with -r is not modelled"));
        }
        (None, _) => None,
    };
    let output = Output {
        summarizer: Summarizer::new(args.summary),
        clock: Clock::default(),
        writer,
        captured: 0,
        args,
    };
    Ok(Some(Session { source, output }))
}

impl Session {
    fn run(&mut self, sys: &mut Sys<'_>) -> Result<Poll, Ended> {
        if let Some(writer) = &self.output.writer {
            writer.check(sys)?;
        }
        match &mut self.source {
            Source::Live(live) => {
                let interrupted = sys.take_signal() == Some(Signal::Interrupt);
                live.read(sys, &mut self.output);
                if interrupted && self.output.args.prints() {
                    sys.stdout("\n");
                }
                if interrupted || self.output.is_full() {
                    let report = live.report(self.output.captured);
                    sys.stderr(report);
                    return Ok(Poll::Exit(0));
                }
                Ok(Poll::WaitUnbounded)
            }
            Source::File(reader) => {
                let done = reader.read(sys, &mut self.output)?;
                Ok(if done { Poll::Exit(0) } else { Poll::WaitBounded })
            }
        }
    }
}

impl Output {
    /// Whether as many frames were taken as were wanted.
    fn is_full(&self) -> bool {
        self.args.count.is_some_and(|count| self.captured >= count)
    }

    /// Prints a frame, or writes it to the file.
    fn take(&mut self, sys: &mut Sys<'_>, unix_us: u64, frame: &Captured<'_>) {
        self.captured += 1;
        let kept = &frame.bytes[..frame.bytes.len().min(self.args.snaplen)];
        if let Some(writer) = &self.writer {
            writer.write(sys, unix_us, kept, frame);
        }
        if self.args.prints() {
            let number =
                if self.args.number { format!("{:5}  ", self.captured) } else { String::new() };
            let time = self.clock.print(self.args.stamp, unix_us);
            let text = self.summarizer.summarize(&Captured { bytes: kept, ..*frame }).text;
            sys.stdout(format!("{number}{time}{text}\n"));
        }
    }
}
