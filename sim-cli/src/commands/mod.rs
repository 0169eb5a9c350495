//! The commands of `kubewire`, one file each.

#[cfg(target_os = "linux")]
pub mod lab;
pub mod observe;
