//! What the `kubewire` command is made of.

pub mod args;
mod blueprint;
pub mod case_file;
pub mod commands;
pub mod error;
#[cfg(target_os = "linux")]
pub mod kernel;
#[cfg(target_os = "linux")]
pub mod lab;
mod mistakes;
pub mod recording;
