//! `ip monitor` and `bridge monitor`: what the kernel announces, as it happens; and `ip netns monitor`.

pub(crate) mod args;
mod names;
mod namespaces;
mod print;

use crate::errno::Errno;
use crate::id::{IfIndex, NetnsId};
use crate::kernel::rtnl::{Group, Notification};
use crate::tools::ip::options::Options;
use crate::tools::monitor::names::Names;
use crate::tools::monitor::namespaces::Namespaces;
use crate::tools::monitor::print::Told;
use crate::world::{Poll, Sys};

/// The room of a standard stream of the C library, in bytes.
const BUFSIZ: usize = 4096;

/// Whose words are used.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Dialect {
    /// `ip monitor`
    Ip,
    /// `bridge monitor`
    Bridge,
}

/// What is listened to, and how it is told.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Plan {
    pub(crate) dialect: Dialect,
    pub(crate) netns: NetnsId,
    pub(crate) groups: Vec<Group>,
    /// A label in front of each object.
    pub(crate) label: bool,
    /// The label of the namespace, which can only be the current one.
    pub(crate) all_nsid: bool,
    /// Only this device is told of.
    pub(crate) dev: Option<IfIndex>,
}

/// A running monitor.
#[derive(Clone, Debug)]
pub(crate) enum Monitor {
    /// Of what the kernel announces.
    Kernel(Box<Listener>),
    /// Of the names of namespaces.
    Namespaces(Namespaces),
}

impl Monitor {
    /// Listens to the kernel.
    pub(crate) fn new(plan: Plan, options: &Options) -> Self {
        Self::Kernel(Box::new(Listener::new(plan, options)))
    }

    /// Watches the names of namespaces.
    pub(crate) fn namespaces(options: &Options) -> Self {
        Self::Namespaces(Namespaces::new(options.to_terminal))
    }

    /// Tells what has happened since the last time.
    pub(crate) fn poll(&mut self, sys: &mut Sys<'_>) -> Poll {
        match self {
            Self::Kernel(listener) => listener.poll(sys),
            Self::Namespaces(namespaces) => namespaces.poll(sys),
        }
    }
}

/// What listens to the kernel.
#[derive(Clone, Debug)]
pub(crate) struct Listener {
    plan: Plan,
    options: Options,
    names: Names,
    started: bool,
    /// What was written and is not yet at its reader (`fflush(3)`).
    held: String,
}

impl Listener {
    fn new(plan: Plan, options: &Options) -> Self {
        let names = Names::new(plan.dialect, plan.netns);
        // What is announced is told as text, whatever is asked for.
        let options = Options { json: false, ..options.clone() };
        Self { plan, options, names, started: false, held: String::new() }
    }

    /// Tells what has been announced since the last time.
    fn poll(&mut self, sys: &mut Sys<'_>) -> Poll {
        if !std::mem::replace(&mut self.started, true) {
            sys.setns(self.plan.netns);
            sys.subscribe(self.plan.netns, &self.plan.groups);
            self.names.learn_namespaces(sys.world, None);
        }
        let heard = sys.take_news();
        if heard.overrun {
            let errno = Errno::ENOBUFS;
            sys.stderr(format!("netlink receive error {errno} ({})\n", errno.number()));
        }
        let now_us = sys.now().unix_micros();
        let mut text = String::new();
        for one in &heard.news {
            let Some(told) = self.tell(one, sys, now_us) else { continue };
            self.held += &told.text;
            if told.whole {
                text += &std::mem::take(&mut self.held);
            }
        }
        // Labels alone go out when the buffer is full.
        let full = self.held.len().saturating_sub(1) / BUFSIZ * BUFSIZ;
        text.extend(self.held.drain(..full));
        if !text.is_empty() {
            sys.stdout(text);
        }
        Poll::WaitUnbounded
    }

    fn tell(&mut self, news: &Notification, sys: &Sys<'_>, now_us: u64) -> Option<Told> {
        self.names.learn(news, sys.world);
        let told = print::print(news, &self.plan, &self.options, &self.names);
        self.names.forget(news);
        let Told { text, whole } = told?;
        let stamp = print::stamp(&self.options, now_us, self.plan.dialect);
        Some(Told { text: stamp + &text, whole })
    }
}
