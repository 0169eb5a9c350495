//! The program that answers.

use std::net::{Ipv4Addr, SocketAddrV4};

use sim_core::time::SimTime;
use sim_core::world::{Poll, Program, Stdin, Sys};

use super::answers::{self, Clock};
use super::{Report, ServiceReport};
use crate::http;
use crate::proxy::version::Version;
use crate::serve::Listener;

/// Where a kube-proxy listens.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(in crate::proxy) struct Places {
    /// Where it is asked how it is (`healthzBindAddress`).
    pub(in crate::proxy) healthz: SocketAddrV4,
    /// Where it is asked about Services.
    pub(in crate::proxy) services: Vec<Ipv4Addr>,
}

/// A kube-proxy, as far as it answers. What there is to tell comes by its standard input, a line of JSON each time.
#[derive(Clone, Debug)]
pub(in crate::proxy) struct Server {
    version: Version,
    places: Places,
    started: Option<SimTime>,
    /// What came of a line that has not ended yet.
    input: Vec<u8>,
    report: Report,
    healthz: Option<Listener<()>>,
    services: Vec<Service>,
}

/// A Service that is asked about.
#[derive(Clone, Debug)]
struct Service {
    report: ServiceReport,
    listeners: Vec<Listener<()>>,
}

impl Server {
    pub(in crate::proxy) fn new(version: Version, places: Places) -> Self {
        Self {
            version,
            places,
            started: None,
            input: Vec::new(),
            report: Report::default(),
            healthz: None,
            services: Vec::new(),
        }
    }

    /// Takes in what is told.
    fn listen_to_input(&mut self, sys: &mut Sys<'_>) {
        while let Stdin::Data(data) = sys.read_stdin() {
            self.input.extend(data);
        }
        while let Some(end) = self.input.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.input.drain(..=end).collect();
            if let Ok(report) = serde_json::from_slice(&line) {
                self.report = report;
                self.open_and_close(sys);
            }
        }
    }

    /// Opens the ports that are to be open and closes the others. A port that cannot be opened is tried again the next
    /// time.
    fn open_and_close(&mut self, sys: &mut Sys<'_>) {
        if self.healthz.is_none() {
            self.healthz = Listener::open(sys, self.places.healthz).ok();
        }
        for old in std::mem::take(&mut self.services) {
            match self.report.services.iter().find(|new| old.report.is_at_the_port_of(new)) {
                Some(report) => self.services.push(Service { report: report.clone(), ..old }),
                None => old.listeners.into_iter().for_each(|listener| listener.close(sys)),
            }
        }
        for report in &self.report.services {
            if self.services.iter().any(|known| known.report.is_at_the_port_of(report)) {
                continue;
            }
            if let Some(listeners) = open_all(sys, &self.places.services, report.port) {
                self.services.push(Service { report: report.clone(), listeners });
            }
        }
    }

    fn answer(&mut self, sys: &mut Sys<'_>, started: SimTime) {
        let (version, now) = (self.version, sys.now());
        let clock = Clock { now, started };
        let Self { report, healthz, services, .. } = self;
        if let Some(listener) = healthz {
            listener.serve(sys, &mut |(), heard| {
                http::answer(heard, now, |asked| answers::proxy(version, asked.path, report, clock))
            });
        }
        for Service { report, listeners } in services {
            for listener in listeners {
                listener.serve(sys, &mut |(), heard| {
                    http::answer(heard, now, |_| answers::service(version, report))
                });
            }
        }
    }
}

/// Listens at a port of all addresses, or at none.
fn open_all(sys: &mut Sys<'_>, addresses: &[Ipv4Addr], port: u16) -> Option<Vec<Listener<()>>> {
    let mut open = Vec::new();
    for ip in addresses {
        match Listener::open(sys, SocketAddrV4::new(*ip, port)) {
            Ok(listener) => open.push(listener),
            Err(_) => {
                open.into_iter().for_each(|listener: Listener<()>| listener.close(sys));
                return None;
            }
        }
    }
    Some(open)
}

impl ServiceReport {
    /// Whether it is about the same Service at the same port.
    fn is_at_the_port_of(&self, other: &Self) -> bool {
        (&self.namespace, &self.name, self.port) == (&other.namespace, &other.name, other.port)
    }
}

impl Program for Server {
    fn poll(&mut self, sys: &mut Sys<'_>) -> Poll {
        let now = sys.now();
        let started = *self.started.get_or_insert(now);
        self.listen_to_input(sys);
        self.answer(sys, started);
        Poll::WaitUnbounded
    }

    fn boxed_clone(&self) -> Box<dyn Program> {
        Box::new(self.clone())
    }
}
