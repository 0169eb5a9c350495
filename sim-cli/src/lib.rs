//! What the `kubewire` command is made of.

pub mod case_file;
pub mod commands;
#[cfg(target_os = "linux")]
pub mod kernel;
