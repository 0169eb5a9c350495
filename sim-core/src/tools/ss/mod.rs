//! `ss` of iproute2 6.1.0: the sockets of a namespace.
//!
//! TCP, UDP, raw and packet sockets are listed; ping sockets have no list of their own, in the real `ss`
//! too. Inode numbers, cookies and process numbers, which are the machine's, follow here from the order in
//! which things were made.

mod args;
mod filter;
mod info;
mod print;
mod sock;
mod table;
#[cfg(test)]
mod tests;

use crate::id::NetnsId;
use crate::tools::Call;
use crate::tools::failure::{Failure, Result};
use crate::tools::ss::args::{Args, Family};
use crate::tools::ss::print::Printer;
use crate::tools::ss::sock::{Counts, Sock};
use crate::tools::ss::table::{Column, Table};
use crate::world::{Poll, Program, Sys, World};

pub(super) fn start(call: Call) -> Box<dyn Program> {
    Box::new(Ss(call))
}

#[derive(Clone, Debug)]
struct Ss(Call);

impl Program for Ss {
    fn poll(&mut self, sys: &mut Sys<'_>) -> Poll {
        let netns = sys.netns();
        let mut text = String::new();
        let end = run(sys.world, netns, &self.0, &mut text);
        sys.stdout(&text);
        match end {
            Ok(()) => Poll::Exit(0),
            Err(failure) => {
                sys.stdout(&failure.stdout);
                sys.stderr(&failure.stderr);
                Poll::Exit(failure.code)
            }
        }
    }

    fn boxed_clone(&self) -> Box<dyn Program> {
        Box::new(self.clone())
    }
}

/// Writes what the command line asks for to `text`.
fn run(world: &World, netns: NetnsId, call: &Call, text: &mut String) -> Result<()> {
    let mut args = args::parse(call.args())?;
    let netns = match &args.netns {
        None => netns,
        Some(name) => named_netns(world, name)?,
    };
    if args.summary {
        text.push_str(&summary(&sock::count(world, netns)));
    }
    if args.list {
        let screen = call.columns.filter(|columns| call.to_terminal && *columns > 0);
        text.push_str(&list(world, netns, &mut args)?.render(screen));
    }
    Ok(())
}

fn named_netns(world: &World, name: &str) -> Result<NetnsId> {
    world.netns_by_name(name).ok_or_else(|| {
        let why = format!("Cannot open network namespace \"{name}\": No such file or directory\n");
        Failure::exits(1, why)
    })
}

fn list(world: &World, netns: NetnsId, args: &mut Args) -> Result<Table> {
    let devices = |name: &str| {
        let kernel = &world.kernel;
        let name = name.parse().ok()?;
        let dev = kernel.netns[netns].names.get(&name)?;
        Some(kernel.devs[*dev].ifindex.0)
    };
    let filter = filter::parse(&args.filter, &mut args.selection, &devices)?;
    let mut table = Table::default();
    if args.selection.is_one_kind() {
        table.hide(Column::Netid);
    }
    if args.selection.states.is_one() {
        table.hide(Column::State);
    }
    if !args.no_header {
        table.push_header();
    }
    let printer = Printer { args, world, netns };
    for sock in sock::all(world, netns) {
        let passes = filter.as_ref().is_none_or(|filter| filter.passes(sock.subject()));
        if passes && is_selected(args, &sock) {
            table.push(printer.cells(&sock));
        }
    }
    Ok(table)
}

fn is_selected(args: &Args, sock: &Sock) -> bool {
    let selection = &args.selection;
    let (db, family) = sock.kind.list();
    // Packet sockets are not asked for their states.
    let has_state = family == Family::Packet || selection.states.has(sock.state);
    selection.has(db) && selection.has_family(family) && has_state
}

/// How many sockets there are (`-s`).
fn summary(counts: &Counts) -> String {
    let Counts { sockets, tcp_allocated, tcp_orphans, tcp_time_wait, tcp, .. } = *counts;
    // ss takes those in TIME-WAIT for some of the hashed ones; the kernel has not counted them.
    let closed = (tcp_allocated + tcp_time_wait).saturating_sub(tcp);
    let established = counts.established;
    let inet = counts.raw + counts.udp + tcp;
    let mut text = format!(
        "Total: {sockets}\n\
         TCP:   {} (estab {established}, closed {closed}, orphaned {tcp_orphans}, timewait {tcp_time_wait})\n\
         \n\
         Transport Total     IP        IPv6\n",
        tcp_allocated + tcp_time_wait,
    );
    for (name, count) in [
        ("RAW", counts.raw),
        ("UDP", counts.udp),
        ("TCP", tcp),
        ("INET", inet),
        ("FRAG", counts.fragments),
    ] {
        let line = format!("{name}\t  {count:<9} {count:<9} {:<9}\n", 0);
        text.push_str(&line);
    }
    text.push('\n');
    text
}
