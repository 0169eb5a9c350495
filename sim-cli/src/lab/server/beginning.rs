//! What a lab begins with.

use std::path::PathBuf;

use sim_core::world::World;
use sim_kube::blueprint::Blueprint;

use crate::error::CliError;
use crate::mistakes;

/// What a lab begins with.
#[derive(Clone, Debug)]
pub enum Beginning {
    /// One namespace, and this seed of all that is random.
    Bare(u64),
    /// The machines of a topology, and its cluster.
    Topology {
        /// The file of the topology.
        path: PathBuf,
        /// What it says, and the files that belong to it.
        blueprint: Box<Blueprint>,
    },
}

impl Beginning {
    /// What decides about everything random.
    pub(super) const fn seed(&self) -> u64 {
        match self {
            Self::Bare(seed) => *seed,
            Self::Topology { blueprint, .. } => blueprint.topology.seed,
        }
    }

    /// Makes all of it in a new world. Of a cluster only the world goes on: what pods run answers, and rules are as
    /// kube-proxy has left them, but nobody asks the API server for anything any more.
    pub(super) fn fill(&self, world: World) -> Result<World, Vec<CliError>> {
        match self {
            Self::Bare(_) => Ok(world),
            Self::Topology { path, blueprint } => match blueprint.start(world) {
                Ok(cluster) => Ok(cluster.world),
                Err(stopped) => Err(mistakes::stopped(path, stopped)),
            },
        }
    }
}
