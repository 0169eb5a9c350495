//! The API server: what it sets, what it refuses, and what it hands out.
//!
//! Objects are decoded ([`crate::manifest`]), get what they do not say, addresses and ports if they are Services,
//! and are then checked, all in the order of a real API server. What is refused is refused with its words.

mod allocate;
mod bootstrap;
mod checks;
mod error;
mod kinds;
pub(crate) mod random;
mod server;
mod settings;
mod version;

pub use error::{FieldError, Problem, Refusal, Refusals, Status};
pub use server::{ApiServer, Applied, Change};
pub use settings::{Settings, SettingsError};
pub use version::{UnknownVersion, Version};
