//! What the C library does for commands: reading numbers and addresses, names of services, protocols and hosts.
//!
//! The names are those of a fresh Debian: the better known ones of `/etc/services`, all of `/etc/protocols` and
//! `/etc/networks`, and `localhost`. There is nobody else to ask.

pub mod hosts;
mod inet_aton;
pub mod number;
pub mod protocols;
pub mod services;

pub use inet_aton::inet_aton;
