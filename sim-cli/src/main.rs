//! The `kubewire` command.

fn main() {}
