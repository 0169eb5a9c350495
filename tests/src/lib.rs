//! The test harness as a library.

pub mod campaign;
pub mod cases;
pub mod differential;
pub mod entries;
pub mod generate;
pub mod recorded;
pub mod rule_tests;
pub mod rules;
pub mod shrink;
pub mod simulator;
pub mod unit_flows;
