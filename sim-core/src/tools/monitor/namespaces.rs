//! `ip netns monitor`: names that are given to namespaces, and taken away.

use crate::world::{NameChange, Poll, Sys};

/// How much is kept back while nobody is at a terminal, in bytes (`st_blksize` of a pipe).
const BUFFER: usize = 4096;

/// A running monitor.
#[derive(Clone, Debug)]
pub(crate) struct Namespaces {
    to_terminal: bool,
    watching: bool,
    /// What was written and is not yet at its reader.
    held: String,
}

impl Namespaces {
    pub(super) fn new(to_terminal: bool) -> Self {
        Self { to_terminal, watching: false, held: String::new() }
    }

    /// Tells what has happened since the last time: line by line at a terminal, else by the bufferful.
    pub(super) fn poll(&mut self, sys: &mut Sys<'_>) -> Poll {
        if !std::mem::replace(&mut self.watching, true) {
            sys.watch_netns_names();
        }
        for change in sys.take_name_changes() {
            let (what, name) = match &change {
                NameChange::Given(name) => ("add", name),
                NameChange::Taken(name) => ("delete", name),
            };
            for word in [what, " ", name, "\n"] {
                self.held.push_str(word);
            }
        }
        let whole = self.held.len() / BUFFER * BUFFER;
        let ready = if self.to_terminal { self.held.len() } else { whole };
        if ready > 0 {
            let rest = self.held.as_bytes()[ready..].to_vec();
            sys.stdout(&self.held.as_bytes()[..ready]);
            self.held = String::from_utf8_lossy(&rest).into_owned();
        }
        Poll::WaitUnbounded
    }
}

#[cfg(test)]
mod tests {
    use crate::tools::{self, Call};
    use crate::world::{Output, World};

    /// What `ip netns monitor` has written when the names have come and gone.
    fn said(to_terminal: bool, names: impl FnOnce(&mut World)) -> String {
        let mut world = World::new(1);
        let argv = ["ip", "netns", "monitor", "words", "behind"].map(str::to_owned).to_vec();
        let tool = tools::find("ip").unwrap();
        let call = Call { argv, to_terminal, columns: None };
        let netns = world.initial_netns();
        let id = world.spawn_program(tool.name, netns, (tool.start)(call));
        names(&mut world);
        let output = std::mem::take(&mut world.process_mut(id).unwrap().output);
        let bytes = output.into_iter().flat_map(|piece| {
            let Output::Stdout(bytes) = piece else { panic!("{piece:?}") };
            bytes
        });
        String::from_utf8(bytes.collect()).unwrap()
    }

    fn a_few(world: &mut World) {
        world.add_netns("a").unwrap();
        world.add_netns("a").unwrap_err();
        world.name_netns("c", world.initial_netns()).unwrap();
        world.del_netns("a").unwrap();
        world.del_netns("nope").unwrap_err();
        world.add_netns("a").unwrap();
        world.del_netns("c").unwrap();
    }

    #[test]
    fn a_terminal_gets_each_name_at_once() {
        assert_eq!(said(true, a_few), "add a\nadd c\ndelete a\nadd a\ndelete c\n");
    }

    #[test]
    fn a_pipe_gets_whole_pages() {
        assert_eq!(said(false, a_few), "");
        let many = said(false, |world| {
            for number in 100..701 {
                world.add_netns(&format!("a{number}")).unwrap();
            }
        });
        assert_eq!(many.len(), 4096);
        assert!(many.starts_with("add a100\nadd a101\n"));
    }
}
