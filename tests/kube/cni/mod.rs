//! Network plugins on two nodes.

mod built;
mod changes;
mod cluster;
mod flows;
mod looks;
mod options;
mod pending;
