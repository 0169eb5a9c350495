//! Controllers: what makes the objects of a cluster be as other objects want them.
//!
//! Each one looks at what there is and changes it, whatever has happened before (level-triggered). They take
//! turns in a fixed order until none of them finds anything to do; there is no clock and no queue. What only
//! machines can do is left to whoever runs them: giving pods their addresses ([`pod_life::set_pod_ip`]), and
//! ending them ([`pod_life::remove_pod`]).

mod daemon_set;
mod deployment;
mod endpoint_slice;
mod endpoint_slice_mirroring;
mod endpoints;
mod garbage;
mod job;
mod node_ipam;
mod node_lifecycle;
mod owner;
mod pod;
pub mod pod_life;
mod quantity;
mod random;
mod replica_set;
mod scheduler;
mod selector;
pub mod service_env;
mod service_port;
mod settings;
mod slices;
mod stateful_set;
mod template;

use sim_core::rng::SimRng;

pub use settings::Settings;

use crate::object::Store;

/// How often all controllers take their turn before they are taken to never come to rest.
const ROUNDS: usize = 500;

/// What controllers are given besides the objects.
#[derive(Debug)]
struct Context<'a> {
    settings: &'a Settings,
    rng: &'a mut SimRng,
}

/// A controller: whether it has changed anything.
type Controller = fn(&mut Store, &mut Context<'_>) -> bool;

/// The order in which they take their turns: causes before effects, so that few rounds are needed.
const CONTROLLERS: &[Controller] = &[
    node_ipam::reconcile,
    node_lifecycle::reconcile,
    deployment::reconcile,
    replica_set::reconcile,
    stateful_set::reconcile,
    daemon_set::reconcile,
    job::reconcile,
    scheduler::reconcile,
    pod_life::reconcile,
    endpoints::reconcile,
    endpoint_slice::reconcile,
    endpoint_slice_mirroring::reconcile,
    garbage::reconcile,
];

/// The controllers undo each other's work, or make objects without end.
///
/// Real ones do so as well, only more slowly: a ReplicaSet whose template names a node where its port is taken
/// makes one failed pod after the other.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the controllers have not come to rest in {ROUNDS} rounds")]
pub struct Restless;

/// Lets all controllers work until there is nothing left to do; whether anything has changed.
///
/// # Errors
/// When they do not come to rest.
pub fn reconcile(
    store: &mut Store,
    settings: &Settings,
    rng: &mut SimRng,
) -> Result<bool, Restless> {
    let mut context = Context { settings, rng };
    for round in 0..ROUNDS {
        // Not `any`: each of them has its turn.
        let changes = CONTROLLERS.iter().filter(|controller| controller(store, &mut context));
        if changes.count() == 0 {
            return Ok(round > 0);
        }
    }
    Err(Restless)
}
