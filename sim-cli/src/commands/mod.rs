//! The commands of `kubewire`, one file each.

pub mod observe;
