//! The kernel differential.
