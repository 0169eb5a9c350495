//! `conntrack` of conntrack-tools 1.4.7: lists, changes and watches connections.

mod args;
mod options;
mod print;
mod proto;
mod run;
mod save;
mod scan;
mod template;
mod xml;

use crate::kernel::nfnl::{ConntrackChange, ConntrackNews};
use crate::tools::Call;
use crate::tools::conntrack::args::{Args, Output, Trouble, event};
use crate::tools::conntrack::options::{Command, Opt};
use crate::tools::conntrack::print::Show;
use crate::tools::conntrack::run::{Filter, Run};
use crate::world::{Poll, Program, Signal, Sys};

/// What its messages begin with.
const PREFIX: &str = "conntrack v1.4.7 (conntrack-tools): ";
/// What `-h` says.
const USAGE: &str = include_str!("usage.txt");
/// How many bytes may wait for it (`net.core.rmem_default`).
const RCVBUF: usize = 212_992;
/// The least that can be asked for (`SOCK_MIN_RCVBUF`).
const MIN_RCVBUF: usize = 2304;

pub(super) fn start(call: Call) -> Box<dyn Program> {
    Box::new(Conntrack { call, watch: None })
}

#[derive(Clone, Debug)]
struct Conntrack {
    call: Call,
    watch: Option<Watch>,
}

impl Program for Conntrack {
    fn poll(&mut self, sys: &mut Sys<'_>) -> Poll {
        if self.watch.is_none() {
            let mut args = Args::default();
            let outcome = args::parse(&mut args, &self.call.argv);
            sys.stderr(&args.warnings);
            match outcome.and_then(|()| begin(&args, sys)) {
                Ok(Begun::Watching) => {}
                Ok(Begun::Done(status)) => return Poll::Exit(status),
                Err(trouble) => return Poll::Exit(complain(sys, &trouble)),
            }
            self.watch = Some(Watch { args, shown: 0 });
        }
        self.watch.as_mut().map_or(Poll::Exit(0), |watch| watch.poll(sys))
    }

    fn boxed_clone(&self) -> Box<dyn Program> {
        Box::new(self.clone())
    }
}

/// How far a command has come.
enum Begun {
    /// It has ended.
    Done(u8),
    /// It listens.
    Watching,
}

/// Says what is wrong, and returns the exit status.
fn complain(sys: &mut Sys<'_>, trouble: &Trouble) -> u8 {
    match trouble {
        Trouble::Words(text) => {
            sys.stderr(format!("{PREFIX}{text}\n"));
            sys.stderr("Try `conntrack -h' or 'conntrack --help' for more information.\n");
            2
        }
        Trouble::Other(text) => {
            sys.stderr(format!("{PREFIX}{text}\n"));
            1
        }
        Trouble::NotModelled(what) => {
            sys.stderr(format!("{PREFIX}Operation failed: Operation not supported\n"));
            sys.stderr(format!("kubewire: {what} is not modelled\n"));
            1
        }
    }
}

/// Runs a command, or begins to listen.
fn begin(args: &Args, sys: &mut Sys<'_>) -> args::Result<Begun> {
    let Some(command) = args.command else {
        sys.stdout(USAGE);
        return Ok(Begun::Done(0));
    };
    if command == Command::Event {
        Filter::new(args)?;
        listen(args, sys);
        return Ok(Begun::Watching);
    }
    let mut run = Run { args, sys, count: 0 };
    run.run(command)?;
    let count = run.count;
    let Some(done) = command.done() else { return Ok(Begun::Done(0)) };
    sys.stderr(format!("{PREFIX}{count} {done}.\n"));
    Ok(Begun::Done(u8::from(count == 0 && !command.may_find_nothing())))
}

fn listen(args: &Args, sys: &mut Sys<'_>) {
    let events = if args.options.has(Opt::EventMask) { args.events } else { u32::MAX };
    let bits = [event::NEW, event::UPDATE, event::DESTROY];
    let wanted = ConntrackChange::ALL.into_iter().zip(bits).filter(|(_, bit)| events & bit != 0);
    let changes: Vec<ConntrackChange> = wanted.map(|(change, _)| change).collect();
    if args.options.has(Opt::BufferSize) {
        // The kernel doubles what it is asked for. The tool asks for it at another socket than the one it reads.
        let room = args.buffer_size.saturating_mul(2).max(MIN_RCVBUF);
        sys.stderr(format!("NOTICE: Netlink socket buffer size has been set to {room} bytes.\n"));
    }
    sys.subscribe_conntrack(&changes, RCVBUF);
}

/// A command that listens (`-E`).
#[derive(Clone, Debug)]
struct Watch {
    args: Args,
    /// How many events were shown.
    shown: usize,
}

impl Watch {
    fn poll(&mut self, sys: &mut Sys<'_>) -> Poll {
        let heard = sys.take_conntrack_news();
        for news in &heard.news {
            self.tell(news, sys);
        }
        if heard.overrun {
            sys.stderr(
                "WARNING: We have hit ENOBUFS! We are losing events.\n\
                 This message means that the current netlink socket buffer size is too small.\n\
                 Please, check --buffer-size in conntrack(8) manpage.\n",
            );
        }
        while let Some(signal) = sys.take_signal() {
            if signal == Signal::Interrupt {
                return self.finish(sys);
            }
        }
        Poll::WaitUnbounded
    }

    fn tell(&mut self, news: &ConntrackNews, sys: &mut Sys<'_>) {
        let args = &self.args;
        let of = print::family(&news.msg.tuples[0]).0;
        let family = args.family.map(|family| match family {
            crate::family::AddressFamily::Inet => 2,
            crate::family::AddressFamily::Inet6 => 10,
        });
        let filter = Filter::new(args);
        if family.is_some_and(|family| family != of) || !filter.is_ok_and(|f| f.takes(&news.msg)) {
            return;
        }
        let show = Show { output: args.output, now_us: sys.now().unix_micros() };
        let xml = args.output.has(Output::XML) && !args.output.has(Output::SAVE);
        let mut text = String::new();
        if xml && self.shown == 0 {
            text += xml::HEADER;
        }
        if !args.output.has(Output::SAVE) {
            text += &show.stamp();
        }
        text += &show.line(&news.msg, Some(news.change));
        if let Some(by) = news.by {
            let pid = by.pid();
            let by = format_args!(" [USERSPACE] portid={pid} progname=conntrack");
            print::write(&mut text, by);
        }
        sys.stdout(text + "\n");
        self.shown += 1;
    }

    fn finish(&self, sys: &mut Sys<'_>) -> Poll {
        if self.args.output.has(Output::XML) && self.shown > 0 {
            sys.stdout(xml::FOOTER);
        }
        sys.stderr(format!("{PREFIX}{} flow events have been shown.\n", self.shown));
        Poll::Exit(0)
    }
}

#[cfg(test)]
mod tests;
