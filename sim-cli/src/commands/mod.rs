//! The commands of `kubewire`, one file each.

pub mod diff;
pub mod kube_proxy;
#[cfg(target_os = "linux")]
pub mod lab;
pub mod observe;
pub mod run;
pub mod test;
pub mod topology;
pub mod trace;

use std::io;
use std::path::Path;

use crate::error::CliError;

/// How writing to standard output ended: that nobody reads on is no error.
fn written(result: io::Result<()>) -> Result<(), CliError> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result.map_err(|error| CliError::file(Path::new("standard output"), &error)),
    }
}
