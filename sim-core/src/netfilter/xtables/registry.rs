//! How a command line finds the extensions, whose types it does not know.

use crate::family::AddressFamily;
use crate::netfilter::xtables::extension::{Context, Extension, Given, Opt, Problem};

/// An extension by name: what it takes, and how it begins. `T` is [`Match`](super::matches::Match) or
/// [`Target`](super::targets::Target).
#[derive(Debug)]
pub struct Entry<T> {
    /// Its name.
    pub name: &'static str,
    /// Its options.
    pub options: &'static [Opt],
    /// What `-h` says of it.
    pub help: &'static str,
    /// The families that know it.
    pub families: &'static [AddressFamily],
    /// Begins to read one.
    pub open: fn(AddressFamily) -> Box<dyn Reading<T>>,
}

/// An extension whose options are being read.
pub trait Reading<T> {
    /// Reads one option.
    ///
    /// # Errors
    /// As [`Extension::parse`].
    fn parse(&mut self, given: &Given<'_>, cx: &Context<'_>) -> Result<(), Problem>;

    /// As [`Extension::warnings`].
    fn warnings(&self) -> Vec<String>;

    /// As [`Extension::closing`].
    fn closing(&self, seen: u64) -> Option<&'static str>;

    /// Looks at all options together.
    ///
    /// # Errors
    /// As [`Extension::check`].
    fn finish(self: Box<Self>, seen: u64, cx: &Context<'_>) -> Result<T, Problem>;
}

impl<E: Extension, T: From<E>> Reading<T> for E {
    fn parse(&mut self, given: &Given<'_>, cx: &Context<'_>) -> Result<(), Problem> {
        Extension::parse(self, given, cx)
    }

    fn warnings(&self) -> Vec<String> {
        Extension::warnings(self)
    }

    fn closing(&self, seen: u64) -> Option<&'static str> {
        Extension::closing(self, seen)
    }

    fn finish(mut self: Box<Self>, seen: u64, cx: &Context<'_>) -> Result<T, Problem> {
        self.check(seen, cx)?;
        Ok(T::from(*self))
    }
}

impl<T> Entry<T> {
    /// The entry of an extension.
    #[must_use]
    pub const fn of<E: Extension + 'static>() -> Self
    where
        T: From<E>,
    {
        Self {
            name: E::NAME,
            options: E::OPTIONS,
            help: E::HELP,
            families: E::FAMILIES,
            open: |family| Box::new(E::new(family)),
        }
    }
}
