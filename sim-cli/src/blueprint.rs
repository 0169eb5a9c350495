//! Topologies, with all files that belong to them.

use std::path::{Path, PathBuf};

use sim_core::world::World;
use sim_kube::blueprint::Blueprint;

use crate::error::CliError;
use crate::mistakes;

/// Reads a topology, all that it names, and more manifests, which are applied after its own.
///
/// # Errors
/// All that is wrong with any of them.
pub(crate) fn load(path: &Path, manifests: &[PathBuf]) -> Result<Blueprint, Vec<CliError>> {
    let mut errors = Vec::new();
    let mut more = Vec::new();
    let text = mistakes::read(path).map_err(|error| errors.push(error));
    for path in manifests {
        match mistakes::read(path) {
            Ok(text) => more.push((path.clone(), text)),
            Err(error) => errors.push(error),
        }
    }
    let Ok(text) = text else { return Err(errors) };
    match Blueprint::load(path, &text, &more, &mut mistakes::read_named) {
        Ok(blueprint) if errors.is_empty() => Ok(blueprint),
        Ok(_) => Err(errors),
        Err(found) => {
            errors.extend(mistakes::in_files(found));
            Err(errors)
        }
    }
}

/// Reads a topology and all that it names, and tries whether its API server takes the objects.
///
/// # Errors
/// All that is wrong with any of them.
pub(crate) fn check(path: &Path) -> Result<(), Vec<CliError>> {
    let blueprint = load(path, &[])?;
    let started = blueprint.start(World::new(blueprint.topology.seed));
    started.map(drop).map_err(|stopped| mistakes::stopped(path, stopped))
}
