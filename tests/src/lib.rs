//! The test harness as a library.

pub mod cases;
pub mod differential;
