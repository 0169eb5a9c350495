//! Settings that are an object of JSON in the words of the plugin itself: as a text in the topology, or in a file.

use crate::files::NamedFiles;
use crate::reading::{Fields, Mistakes};

/// Reads the object that a field has or names; its own fields are given to `read`.
pub(super) fn object<T>(
    key: &'static str,
    what: &'static str,
    fields: &mut Fields<'_, '_>,
    files: &mut NamedFiles<'_>,
    mistakes: &mut Mistakes,
    read: impl FnOnce(&mut Fields<'_, '_>, &mut Mistakes) -> T,
) -> Option<T> {
    if fields.names_file(key) {
        let name = fields.text(key, mistakes)?;
        files.json(&name.owned(), what, mistakes, read)
    } else {
        fields.json(key, what, mistakes, read)
    }
}
