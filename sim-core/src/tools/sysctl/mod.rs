//! `sysctl`, as in procps-ng 4.0.2.

mod args;
pub(crate) mod program;
mod run;
