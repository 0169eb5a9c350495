//! Where a field is in an object (`field.Path`).

use std::fmt;

/// A step from a value to one inside it.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Step {
    /// To a field that its kind has.
    Field(String),
    /// To what a map holds under a key.
    Key(String),
    /// To an item of a list, counted from 0.
    Index(usize),
}

/// The way from an object to a field of it: `spec.ports[0].nodePort`.
#[derive(Clone, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub struct FieldPath(Vec<Step>);

impl FieldPath {
    /// The way to a field of the object itself; with dots, to a field inside that.
    #[must_use]
    pub fn new(fields: &str) -> Self {
        Self::default().field(fields)
    }

    /// The way to a field of what is here; with dots, to a field inside that.
    #[must_use]
    pub fn field(&self, fields: &str) -> Self {
        let steps = fields.split('.').map(|field| Step::Field(field.to_owned()));
        Self(self.0.iter().cloned().chain(steps).collect())
    }

    /// The way to an item of the list that is here.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        self.then(Step::Index(index))
    }

    /// The way to what the map that is here holds under a key.
    #[must_use]
    pub fn key(&self, key: &str) -> Self {
        self.then(Step::Key(key.to_owned()))
    }

    fn then(&self, step: Step) -> Self {
        Self(self.0.iter().cloned().chain([step]).collect())
    }

    /// The steps, from the object.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.0
    }

    /// Goes a step further.
    pub(crate) fn push(&mut self, step: Step) {
        self.0.push(step);
    }

    /// Goes a step back.
    pub(crate) fn pop(&mut self) {
        self.0.pop();
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, step) in self.0.iter().enumerate() {
            match step {
                Step::Field(name) if i == 0 => f.write_str(name)?,
                Step::Field(name) => write!(f, ".{name}")?,
                Step::Key(key) => write!(f, "[{key}]")?,
                Step::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}
