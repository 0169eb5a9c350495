//! What values have to be like, whatever field they are in.

pub(super) mod address;
pub(super) mod labels;
pub(super) mod meta;
pub(super) mod name;
pub(super) mod port;

/// The text of a field; one that is not there is empty.
pub(super) fn text(field: &Option<String>) -> &str {
    field.as_deref().unwrap_or_default()
}

/// The items of a field.
pub(super) fn list<T>(field: &Option<Vec<T>>) -> &[T] {
    field.as_deref().unwrap_or_default()
}

/// Sets a field that says nothing.
pub(super) fn default_text(field: &mut Option<String>, text: &str) {
    if field.as_deref().unwrap_or_default().is_empty() {
        *field = Some(text.to_owned());
    }
}
