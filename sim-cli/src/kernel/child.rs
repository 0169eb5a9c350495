//! The process that is the machine of one case: it locks itself in, builds the network, does the steps
//! and says what it saw.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::BorrowedFd;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use sim_core::case::format::to_hex;
use sim_core::case::observed::{
    CommandObserved, DevObserved, DevStats, Direction, DropObserved, FrameObserved, NetnsObserved,
};
use sim_core::case::{Action, Case, Observed, ROOT_NETNS, Step};

use super::capture::Capture;
use super::drops::Trace;
use super::monitors::Monitors;
use super::namespaces::Namespaces;
use super::nfqueue::Queue;
use super::sockets::Sockets;
use super::{Options, dump, sandbox, shell};

/// Runs a case. The calling process is locked in afterwards and good for nothing else.
pub(super) fn run(case: &Case, case_dir: &Path, options: Options) -> io::Result<Observed> {
    let Options { cpu, drops } = options;
    let cpus = sandbox::cpus()?;
    sandbox::enter()?;
    sandbox::reset_inherited_sysctls()?;
    if let Some(cpu) = cpu.or_else(|| cpus.last().copied()) {
        sandbox::pin(cpu)?;
    }
    let mut namespaces = Namespaces::new()?;
    shell::set_up(&mut namespaces, case_dir, &case.setup)?;
    namespaces.find_new()?;
    namespaces.settle()?;
    std::thread::sleep(Duration::from_micros(case.directives.settle_us));
    if !case.directives.keep_offloads {
        namespaces.offloads_off(|_, _| true)?;
    }
    let trace = match drops {
        true => Some(Trace::new()?),
        false => None,
    };
    let mut run = Run::start(namespaces, case, case_dir)?;
    run.trace = trace;
    for step in &case.steps {
        run.step(step)
            .map_err(|error| io::Error::other(format!("packets.txt:{}: {error}", step.line)))?;
    }
    run.pass_until(run.begun + Duration::from_micros(case.end_us()))?;
    run.look()
}

/// A case under way.
struct Run<'a> {
    case: &'a Case,
    case_dir: &'a Path,
    namespaces: Namespaces,
    captures: BTreeMap<String, Capture>,
    sockets: Sockets,
    commands: Vec<CommandObserved>,
    /// By namespace, in order, each with its device.
    frames: BTreeMap<String, Vec<(String, FrameObserved)>>,
    /// Counters at the start.
    snmp: BTreeMap<String, BTreeMap<String, i64>>,
    stats: BTreeMap<(String, u32), DevStats>,
    monitors: Monitors,
    /// By namespace and number.
    queues: BTreeMap<(String, u16), Queue>,
    trace: Option<Trace>,
    drops: Vec<DropObserved>,
    /// The line of the last step that had begun.
    current: usize,
    begun: Instant,
    /// Wall-clock microseconds at the start.
    begun_us: i64,
}

impl<'a> Run<'a> {
    /// Reads the counters, opens the captures, starts the clock.
    fn start(mut namespaces: Namespaces, case: &'a Case, case_dir: &'a Path) -> io::Result<Self> {
        let monitors = Monitors::start(&namespaces, &case.directives)?;
        namespaces.scan()?;
        let mut stats = BTreeMap::new();
        let mut snmp = BTreeMap::new();
        let mut captures = BTreeMap::new();
        for name in namespaces.names() {
            for link in namespaces.links(&name) {
                stats.insert((name.clone(), link.index), link.stats);
            }
            snmp.insert(name.clone(), dump::counters(&namespaces, &name)?);
            captures.insert(name.clone(), namespaces.within(&name, Capture::start)?);
        }
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Ok(Self {
            case,
            case_dir,
            namespaces,
            captures,
            sockets: Sockets::default(),
            commands: Vec::new(),
            frames: BTreeMap::new(),
            snmp,
            stats,
            monitors,
            queues: BTreeMap::new(),
            trace: None,
            drops: Vec::new(),
            current: 0,
            begun: Instant::now(),
            begun_us: i64::try_from(now.as_micros()).unwrap_or(0),
        })
    }

    fn step(&mut self, step: &Step) -> io::Result<()> {
        self.pass_until(self.begun + Duration::from_micros(step.at_us))?;
        if step.action == Action::Wait {
            return Ok(());
        }
        self.current = step.line;
        match &step.action {
            Action::Tx(_) | Action::Raw(_) | Action::Udp { .. } => self.send(step)?,
            Action::Sh(command) => {
                let command =
                    shell::observe(&self.namespaces, &step.netns, self.case_dir, command)?;
                self.commands.push(command);
                self.take_in_new_devices()?;
            }
            Action::NfqBind { queue } => {
                let bound = self.namespaces.within(&step.netns, || Queue::bind(*queue))?;
                self.queues.insert((step.netns.clone(), *queue), bound);
            }
            Action::NfqAccept { queue, count } => {
                let queue = self.queues.get_mut(&(step.netns.clone(), *queue));
                let queue = queue.ok_or_else(|| io::Error::other("no nfq-bind of that queue"))?;
                queue.accept(*count)?;
            }
            action @ (Action::Wait
            | Action::UdpEcho(_)
            | Action::TcpListen(_)
            | Action::TcpConnect { .. }
            | Action::TcpSend { .. }
            | Action::TcpClose { .. }) => {
                self.sockets.act(&self.namespaces, &step.netns, action)?;
            }
        }
        self.pass_until(Instant::now())
    }

    /// Sends a packet, and takes down what dies of it within the system call.
    fn send(&mut self, step: &Step) -> io::Result<()> {
        let (namespaces, sockets) = (&mut self.namespaces, &mut self.sockets);
        let mut send = || {
            if let Action::Tx(frame) = &step.action {
                namespaces.inject(&step.netns, &step.dev, frame)
            } else {
                sockets.act(namespaces, &step.netns, &step.action)
            }
        };
        let Some(trace) = &self.trace else { return send() };
        let t_us = i64::try_from(self.begun.elapsed().as_micros()).unwrap_or(i64::MAX);
        let ((), died) = trace.during(send)?;
        self.drops.extend(died.into_iter().map(|death| death.observed(step.line, t_us)));
        Ok(())
    }

    /// After a command: namespaces may have gone, and namespaces and devices come.
    fn take_in_new_devices(&mut self) -> io::Result<()> {
        let known: Vec<(String, String)> = self.devices();
        let left = self.namespaces.forget_gone()?;
        self.captures.retain(|name, _| left.contains(name));
        self.namespaces.find_new()?;
        self.namespaces.scan()?;
        for name in self.namespaces.names() {
            if !self.captures.contains_key(&name) {
                let capture = self.namespaces.within(&name, Capture::start)?;
                self.captures.insert(name, capture);
            }
        }
        if self.case.directives.keep_offloads {
            return Ok(());
        }
        self.namespaces.offloads_off(|netns, dev| {
            !known.iter().any(|(its_netns, its_dev)| its_netns == netns && its_dev == dev)
        })
    }

    fn devices(&self) -> Vec<(String, String)> {
        let devices = self.namespaces.names().into_iter().flat_map(|netns| {
            let links = self.namespaces.links(&netns).iter();
            links.map(|link| (netns.clone(), link.name.clone())).collect::<Vec<_>>()
        });
        devices.collect()
    }

    /// Serves the sockets until `end`, and for as long as they have work; then takes in the frames.
    fn pass_until(&mut self, end: Instant) -> io::Result<()> {
        loop {
            if self.sockets.serve() {
                continue;
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return self.drain();
            }
            if self.sockets.is_empty() {
                std::thread::sleep(left);
            } else {
                wait_on(&self.sockets.descriptors(), left)?;
            }
        }
    }

    fn drain(&mut self) -> io::Result<()> {
        for (name, capture) in &mut self.captures {
            let list = self.frames.entry(name.clone()).or_default();
            for seen in capture.drain()? {
                const PACKET_OUTGOING: u8 = 4;
                let out = seen.pkttype == PACKET_OUTGOING;
                let frame = FrameObserved {
                    n: list.len(),
                    step: self.current,
                    dir: if out { Direction::Out } else { Direction::In },
                    pkttype: seen.pkttype,
                    t_us: seen.t_us - self.begun_us,
                    hex: to_hex(&seen.frame),
                };
                list.push((self.namespaces.device_name(name, seen.ifindex), frame));
            }
        }
        Ok(())
    }

    /// Looks at everything at the end: first at what takes no time to read, then at what ages.
    fn look(mut self) -> io::Result<Observed> {
        self.namespaces.scan()?;
        let names = self.namespaces.names();
        let mut netns: BTreeMap<String, NetnsObserved> = BTreeMap::new();
        for name in &names {
            let now = dump::counters(&self.namespaces, name)?;
            let before = self.snmp.remove(name).unwrap_or_default();
            let snmp = dump::growth(&before, now);
            netns.insert(
                name.clone(),
                NetnsObserved { devs: self.devs(name), snmp, ..NetnsObserved::default() },
            );
        }
        // Without a rule nothing is tracked.
        if self.case.uses_netfilter() {
            for (name, one) in &mut netns {
                one.netfilter.conntrack = dump::connections(&self.namespaces, name)?;
            }
            for (name, one) in &mut netns {
                dump::netfilter(&self.namespaces, name, &mut one.netfilter)?;
            }
        }
        for (name, one) in &mut netns {
            (one.netfilter.ctevents, one.netfilter.trace) = self.monitors.end(name)?;
            let lists = dump::tables(&self.namespaces, name)?;
            one.addr = lists.addr;
            one.route = lists.route;
            one.rule = lists.rule;
            one.neigh = lists.neigh;
            one.fdb = lists.fdb;
        }
        Ok(Observed {
            format: 1,
            case: self.case.name.clone(),
            kernel: kernel(&self.namespaces)?,
            injected: self.case.injected(),
            netns,
            commands: self.commands,
            sockets: self.sockets.events,
            drops: self.drops,
            notes: Vec::new(),
        })
    }

    fn devs(&mut self, name: &str) -> BTreeMap<String, DevObserved> {
        let mut devs: BTreeMap<String, DevObserved> = BTreeMap::new();
        for link in self.namespaces.links(name) {
            let before = self.stats.get(&(name.to_owned(), link.index)).copied();
            let stats = grown(before.unwrap_or_default(), link.stats);
            devs.insert(link.name.clone(), DevObserved { stats, ..DevObserved::default() });
        }
        for (dev, frame) in self.frames.remove(name).unwrap_or_default() {
            devs.entry(dev).or_default().frames.push(frame);
        }
        devs
    }
}

fn grown(before: DevStats, now: DevStats) -> DevStats {
    DevStats {
        rx_packets: now.rx_packets - before.rx_packets,
        rx_bytes: now.rx_bytes - before.rx_bytes,
        rx_errors: now.rx_errors - before.rx_errors,
        rx_dropped: now.rx_dropped - before.rx_dropped,
        multicast: now.multicast - before.multicast,
        tx_packets: now.tx_packets - before.tx_packets,
        tx_bytes: now.tx_bytes - before.tx_bytes,
        tx_errors: now.tx_errors - before.tx_errors,
        tx_dropped: now.tx_dropped - before.tx_dropped,
    }
}

/// Sleeps until one of the sockets can be read, at most for `left`.
fn wait_on(descriptors: &[BorrowedFd<'_>], left: Duration) -> io::Result<()> {
    let mut polled: Vec<PollFd<'_>> =
        descriptors.iter().map(|fd| PollFd::new(*fd, PollFlags::POLLIN)).collect();
    let milliseconds = u16::try_from(left.as_micros().div_ceil(1000)).unwrap_or(u16::MAX);
    poll(&mut polled, PollTimeout::from(milliseconds))?;
    Ok(())
}

/// The kernel and the tools, without what a distribution appends: `Linux 6.18.44, iproute2-6.1.0`.
fn kernel(namespaces: &Namespaces) -> io::Result<String> {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let release = release.trim().split('-').next().unwrap_or_default();
    let version = ["ip".to_owned(), "-V".to_owned()];
    let output = shell::run(namespaces, ROOT_NETNS, Path::new("/"), &version, None)?;
    let text = String::from_utf8_lossy(&output.stdout);
    let tools = text.split([' ', ',']).find(|word| word.starts_with("iproute2"));
    Ok(format!("Linux {release}, {}", tools.unwrap_or("unknown iproute2").trim()))
}
