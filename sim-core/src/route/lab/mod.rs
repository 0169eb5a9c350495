//! A workbench for tests of routing: transcripts of shell commands and what a real kernel's tools
//! answered, replayed on the model.
//!
//! Only as much of iproute2's language is understood as the transcripts use.

mod request;
mod show;

use std::fmt::Write as _;

use crate::link::lab::{self, Lab};
use crate::netlink::request::{LinkChange, Request};
use crate::netlink::{self, NetlinkError};
use crate::time::SimTime;

use request::{addr, route, rule};
use show::{get, show_addrs, show_routes, show_rules};

/// Replays a transcript: lines that begin with `$ ` are commands, what follows is their output.
pub(super) fn replay(transcript: &str) {
    let mut lab = Lab::new();
    let mut ours = String::new();
    for line in transcript.lines() {
        if let Some(command) = line.strip_prefix("$ ") {
            writeln!(ours, "{line}").unwrap();
            run(&mut lab, command, &mut ours);
        } else if line.starts_with('#') || line.is_empty() {
            writeln!(ours, "{line}").unwrap();
        }
    }
    if ours != transcript {
        let diff = ours.lines().zip(transcript.lines()).position(|(a, b)| a != b);
        let context = |text: &str| {
            let at = diff.unwrap_or(0);
            let lines: Vec<&str> = text.lines().collect();
            lines[at.saturating_sub(6)..lines.len().min(at + 6)].join("\n")
        };
        panic!("kernel:\n{}\n\nours:\n{}", context(transcript), context(&ours));
    }
}

fn run(lab: &mut Lab, command: &str, out: &mut String) {
    let words: Vec<&str> = command.split_whitespace().collect();
    let answer = match words.as_slice() {
        ["sleep", seconds] => {
            let (whole, tenths) = seconds.split_once('.').unwrap_or((seconds, "0"));
            let millis: u64 = whole.parse::<u64>().unwrap() * 1000;
            pass(lab, millis + tenths.parse::<u64>().unwrap() * 100);
            Ok(())
        }
        ["sysctl", "-qw", setting] => {
            sysctl_write(lab, setting, out);
            Ok(())
        }
        ["sysctl", "-n", names @ ..] => {
            for name in names {
                sysctl_read(lab, name, out);
            }
            Ok(())
        }
        ["ip", "link", "add", name, "type", "veth", "peer", "name", peer] => {
            lab.veth(name, peer);
            lab.set(name, lab::down());
            lab.set(peer, lab::down());
            Ok(())
        }
        ["ip", "link", "set", name, "up"] => lab.try_set(name, lab::up()),
        ["ip", "link", "set", name, "down"] => lab.try_set(name, lab::down()),
        ["ip", "link", "set", name, "name", new] => {
            let change = LinkChange { name: Some(new.parse().unwrap()), ..LinkChange::default() };
            lab.try_set(name, change)
        }
        ["ip", "link", "del", name] => lab.try_request(&Request::LinkDel(lab::link(name))),
        ["ip", "addr", "show", "dev", name] => {
            show_addrs(lab, name, out);
            Ok(())
        }
        ["ip", "addr", verb, rest @ ..] => addr(lab, verb, rest),
        ["ip", "route", "show", rest @ ..] => {
            show_routes(lab, rest, out);
            Ok(())
        }
        ["ip", "route", "get", rest @ ..] => get(lab, rest, out),
        ["ip", "route", verb, rest @ ..] => route(lab, verb, rest),
        ["ip", "rule", "show"] => {
            show_rules(lab, out);
            Ok(())
        }
        ["ip", "rule", verb, rest @ ..] => rule(lab, verb, rest),
        _ => panic!("not understood: {command}"),
    };
    if let Err(error) = answer {
        writeln!(out, "{}", words_of(&error)).unwrap();
    }
}

fn sysctl_write(lab: &mut Lab, setting: &str, out: &mut String) {
    let (name, value) = setting.split_once('=').unwrap();
    let request = Request::SysctlSet { name: name.into(), value: value.into() };
    if let Err(error) = lab.try_request(&request) {
        writeln!(out, "sysctl: setting key \"{name}\": {}", error.errno).unwrap();
    }
}

fn sysctl_read(lab: &Lab, name: &str, out: &mut String) {
    match netlink::sysctl::get(&lab.k, lab.ns, name) {
        Ok(value) => writeln!(out, "{value}").unwrap(),
        Err(error) => {
            let path = crate::sysctl::path_of(name);
            writeln!(out, "sysctl: cannot stat /proc/sys/{path}: {error}").unwrap();
        }
    }
}

fn words_of(error: &NetlinkError) -> String {
    match &error.message {
        Some(message) => format!("Error: {message}."),
        None => format!("RTNETLINK answers: {}", error.errno.message()),
    }
}

/// Lets time pass.
fn pass(lab: &mut Lab, millis: u64) {
    let end = SimTime::from_nanos(lab.k.now.as_nanos() + millis * 1_000_000);
    while let Some((at, timer)) = lab.k.timers.pop_due(end) {
        lab.k.now = at;
        crate::netns::stack::expire(&mut lab.k, &timer, &mut lab.seen);
    }
    lab.k.now = end;
}
