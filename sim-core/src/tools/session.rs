//! What a configuration command runs in: the world, one of its namespaces, and what it has written.

use std::fmt::{self, Write as _};

use crate::id::{DevId, IfIndex, NetnsId};
use crate::link::{DevName, LinkType};
use crate::netlink::request::LinkRef;
use crate::netlink::{self, NetlinkError, Request};
use crate::tools::failure::{Failure, Result};
use crate::tools::ip::link::print::Links;
use crate::tools::ip::options::Options;
use crate::tools::monitor::Monitor;
use crate::world::{Poll, Sys, World};

/// What a command goes on with when its words are done.
#[derive(Debug)]
pub(crate) enum Next {
    /// Nothing: it ends.
    End,
    /// The lines of a file.
    Batch(Options),
    /// What happens from then on.
    Monitor(Monitor),
}

/// A running command.
#[derive(Debug)]
pub(crate) struct Session<'w> {
    /// The world.
    pub(crate) world: &'w mut World,
    /// The namespace the command acts in.
    pub(crate) netns: NetnsId,
    /// What it has written to standard output.
    pub(crate) stdout: String,
    /// What it has written to standard error.
    pub(crate) stderr: String,
    /// The command that it becomes in the end (`execvp(3)`), and the namespace of that.
    pub(crate) exec: Option<(NetnsId, Vec<String>)>,
    /// What it listens to from then on, instead of ending.
    pub(crate) monitor: Option<Monitor>,
}

impl<'w> Session<'w> {
    /// A command that has not done anything yet.
    pub(crate) fn new(world: &'w mut World, netns: NetnsId) -> Self {
        Self {
            world,
            netns,
            stdout: String::new(),
            stderr: String::new(),
            exec: None,
            monitor: None,
        }
    }

    /// Writes to standard output.
    pub(crate) fn out(&mut self, text: fmt::Arguments<'_>) {
        self.stdout.write_fmt(text).expect("a string takes everything");
    }

    /// Writes to standard error.
    pub(crate) fn err(&mut self, text: fmt::Arguments<'_>) {
        self.stderr.write_fmt(text).expect("a string takes everything");
    }

    /// Makes a change; if the kernel refuses, the command returns `code`.
    pub(crate) fn request(&mut self, request: &Request, code: u8) -> Result<()> {
        self.ask(request).map_err(|error| Failure::kernel(code, &error))
    }

    /// Makes a change.
    pub(crate) fn ask(&mut self, request: &Request) -> std::result::Result<(), NetlinkError> {
        self.world.request(self.netns, request)
    }

    /// The device that `link` names here.
    pub(crate) fn dev(&self, link: LinkRef) -> Option<DevId> {
        let netns = &self.world.kernel.netns[self.netns];
        match link {
            LinkRef::Name(name) => netns.names.get(&name).copied(),
            LinkRef::Index(index) => netns.links.get(&index).copied(),
        }
    }

    /// The names that hold here.
    pub(crate) fn host(&self) -> Here<'_> {
        Here { world: self.world, netns: self.netns }
    }
}

/// What the words of a command refer to: devices and namespaces.
pub(crate) trait Host {
    /// The device called `name` (`ll_name_to_index()`).
    fn device(&self, name: &str) -> Option<LinkRef>;

    /// The length of a device's hardware address, in bytes.
    fn address_len(&self, link: LinkRef) -> usize;

    /// The namespace that `text` names: a name under `/run/netns`, or a process (`netns_get_fd()`).
    fn netns(&self, text: &str) -> Option<NetnsId>;
}

/// The names of a namespace of a world.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Here<'w> {
    /// The world.
    pub(crate) world: &'w World,
    /// The namespace.
    pub(crate) netns: NetnsId,
}

/// The process whose namespace is the one that was there from the beginning.
const INIT_PID: &str = "1";

impl Here<'_> {
    /// The namespace of the process that `text` is the number of.
    pub(crate) fn netns_of_process(&self, text: &str) -> Option<NetnsId> {
        if text == INIT_PID {
            return Some(self.world.initial_netns());
        }
        text.parse().ok().and_then(|pid| self.world.netns_of_pid(pid))
    }
}

impl Host for Here<'_> {
    fn device(&self, name: &str) -> Option<LinkRef> {
        let names = &self.world.kernel.netns[self.netns].names;
        let known = name.parse::<DevName>().ok().filter(|name| names.contains_key(name));
        known.map(LinkRef::Name).or_else(|| numbered(name))
    }

    fn address_len(&self, link: LinkRef) -> usize {
        let kernel = &self.world.kernel;
        let dev = netlink::link::find(kernel, self.netns, link).ok();
        match dev.map(|dev| kernel.devs[dev].kind.link_type()) {
            Some(LinkType::Ipip) => 4,
            Some(LinkType::Ether | LinkType::Loopback | LinkType::None) | None => 6,
        }
    }

    fn netns(&self, text: &str) -> Option<NetnsId> {
        let named = self.world.netns_by_name(text);
        named.or_else(|| self.netns_of_process(text))
    }
}

/// A device by its number, written `if7` (`ll_idx_a2n()`).
pub(crate) fn numbered(name: &str) -> Option<LinkRef> {
    let digits = name.strip_prefix("if")?;
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    let index = digits[..end].parse().ok().filter(|index| *index != 0)?;
    Some(LinkRef::Index(IfIndex(index)))
}

impl Links for Here<'_> {
    fn link_name(&self, index: IfIndex) -> String {
        let kernel = &self.world.kernel;
        match kernel.dev_by_index(self.netns, index) {
            Some(dev) => kernel.devs[dev].name.to_string(),
            None => format!("if{index}"),
        }
    }

    fn is_up(&self, index: IfIndex) -> bool {
        let kernel = &self.world.kernel;
        kernel.dev_by_index(self.netns, index).is_some_and(|dev| kernel.devs[dev].is_up())
    }

    fn netns_name(&self, nsid: u32) -> Option<String> {
        let id = self.world.kernel.netns[self.netns].nsids.get(&nsid)?;
        self.world.netns_name(*id).map(str::to_owned)
    }
}

/// Runs a command that ends at once, and writes what it has to say; what it made, if it succeeded, and
/// how the process ends.
pub(crate) fn once<T>(
    sys: &mut Sys<'_>,
    run: impl FnOnce(&mut Session<'_>) -> Result<T>,
) -> (Option<T>, Poll) {
    let netns = sys.netns();
    let mut session = Session::new(sys.world, netns);
    let outcome = run(&mut session);
    let Session { mut stdout, mut stderr, exec, .. } = session;
    let (value, code) = match outcome {
        Ok(value) => (Some(value), 0),
        Err(failure) => {
            stdout += &failure.stdout;
            stderr += &failure.stderr;
            (None, failure.code)
        }
    };
    if !stdout.is_empty() {
        sys.stdout(stdout);
    }
    if !stderr.is_empty() {
        sys.stderr(stderr);
    }
    if let Some((netns, argv)) = exec {
        sys.exec(netns, argv);
    }
    (value, Poll::Exit(code))
}
