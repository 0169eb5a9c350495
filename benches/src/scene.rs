//! What is measured: a path, rules on it, and the datagrams that go over it.

use std::net::SocketAddrV4;

use crate::path::{CLUSTER, FILTERED, PATHS, PORT, Path, SOURCE_PORT};
use crate::rules::{self, Shape};

/// Whether datagrams belong to one flow.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Traffic {
    /// All of them are of one flow, which was answered once.
    OneFlow,
    /// Each is the first of a flow of its own.
    FirstPackets,
}

/// A path with its rules and its datagrams.
#[derive(Clone, Debug)]
pub struct Scene {
    /// Its name in reports.
    pub name: String,
    /// The path.
    pub path: &'static Path,
    /// The rules of the router, as `iptables-restore` reads them.
    pub rules: Option<String>,
    /// Where datagrams are sent to.
    pub to: SocketAddrV4,
    /// Where they may arrive.
    pub at: Vec<SocketAddrV4>,
    /// What is sent.
    pub traffic: Traffic,
}

impl Scene {
    /// One flow over a path.
    #[must_use]
    pub fn of(path: &'static Path) -> Self {
        let to = SocketAddrV4::new(path.to.1, PORT);
        let name = path.name.to_owned();
        Self { name, path, rules: None, to, at: vec![to], traffic: Traffic::OneFlow }
    }

    /// One flow through a router that asks `count` rules first.
    #[must_use]
    pub fn chain(shape: Shape, count: u32) -> Self {
        let kind = match shape {
            Shape::Indexed => "indexed",
            Shape::Mixed => "mixed",
        };
        let name = format!("{kind}/{count}");
        Self { name, rules: Some(rules::chain(shape, count)), ..Self::of(&FILTERED) }
    }

    /// Datagrams to the last of `count` services.
    #[must_use]
    pub fn services(count: u32, traffic: Traffic) -> Self {
        let last = count.saturating_sub(1);
        let kind = match traffic {
            Traffic::OneFlow => "established",
            Traffic::FirstPackets => "first",
        };
        Self {
            name: format!("{kind}/{count}"),
            rules: Some(rules::services(count)),
            to: rules::service(last),
            at: rules::endpoints(last),
            traffic,
            ..Self::of(&CLUSTER)
        }
    }

    /// Where datagrams of one flow come from.
    #[must_use]
    pub fn from(&self) -> SocketAddrV4 {
        SocketAddrV4::new(self.path.from.1, SOURCE_PORT)
    }
}

/// How many rules there are in a plain chain.
const RULES: [u32; 2] = [100, 1_000];
/// How many services there are.
pub const SERVICES: [u32; 3] = [10, 1_000, 10_000];

/// Every scene that is compared with the real kernel, each made when it is its turn.
pub fn all() -> impl Iterator<Item = Scene> {
    let plain = PATHS.iter().map(Scene::of);
    let chains = [Shape::Mixed, Shape::Indexed].into_iter();
    let chains =
        chains.flat_map(|shape| RULES.into_iter().map(move |count| Scene::chain(shape, count)));
    let services = [Traffic::FirstPackets, Traffic::OneFlow].into_iter();
    let services = services
        .flat_map(|traffic| SERVICES.into_iter().map(move |count| Scene::services(count, traffic)));
    plain.chain(chains).chain(services)
}
