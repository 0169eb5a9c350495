//! Reads and writes settings.

use crate::errno::Errno;
use crate::netlink::{Request, sysctl};
use crate::tools::failure::{Failure, Result};
use crate::tools::session::Session;
use crate::tools::sysctl::args::Options;

/// Where settings stand on a real machine.
const ROOT: &str = "/proc/sys/";

/// A setting's name, in both forms. Dots separate its parts, and a dot within a part is written as a
/// slash; or slashes separate them, as in a path, and dots are dots. Which it is, the first one tells.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Key {
    dotted: String,
    path: String,
}

impl Key {
    fn new(text: &str) -> Self {
        let swapped = swap(text);
        match text.find(['.', '/']).map(|at| text.as_bytes()[at]) {
            Some(b'/') => Self { dotted: swapped, path: text.to_owned() },
            _ => Self { dotted: text.to_owned(), path: swapped },
        }
    }
}

fn swap(text: &str) -> String {
    let other = |c| match c {
        '.' => '/',
        '/' => '.',
        c => c,
    };
    text.chars().map(other).collect()
}

/// Does what stands on the command line; the exit status. Without any word that is the usage.
pub(super) fn run(session: &mut Session<'_>, options: &Options) -> Result<u8> {
    if options.all {
        show_below(session, options, "");
        return Ok(0);
    }
    if options.operands.is_empty() {
        let text = "sysctl: no variables specified\n\
            Try `sysctl --help' for more information.\n";
        return Err(Failure::exits(1, text));
    }
    let mut status = 0;
    for word in &options.operands {
        let done = if options.write || word.contains('=') {
            setting(session, options, word, "command line(0)")
        } else {
            show(session, options, word)?
        };
        status |= u8::from(!done);
    }
    Ok(status)
}

/// Does what stands in a file called `name`; the exit status. Mistakes are found before anything is
/// set.
pub(super) fn load(session: &mut Session<'_>, options: &Options, name: &str, text: &str) -> u8 {
    let mut status = 0;
    let mut settings = Vec::new();
    for (line, number) in text.lines().zip(1..) {
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if line.contains('=') {
            settings.push(line);
        } else {
            session.err(format_args!("sysctl: {name}({number}): invalid syntax, continuing...\n"));
        }
    }
    for line in settings {
        status |= u8::from(!setting(session, options, line, name));
    }
    status
}

/// Sets `NAME=VALUE`; false if that failed.
fn setting(session: &mut Session<'_>, options: &Options, text: &str, place: &str) -> bool {
    let Some((name, value)) = text.split_once('=') else {
        session.err(format_args!("sysctl: {place}: invalid syntax, continuing...\n"));
        return false;
    };
    let (name, value) = (name.trim(), value.trim());
    let key = Key::new(name.strip_prefix('-').unwrap_or(name));
    if key.path.is_empty() {
        session.err(format_args!("sysctl: Path is not under {ROOT}: {ROOT}\n"));
        return false;
    }
    let outcome = if options.dry_run {
        sysctl::get(&session.world.kernel, session.netns, &key.dotted).map(drop)
    } else {
        let (name, value) = (key.dotted.clone(), value.to_owned());
        session.ask(&Request::SysctlSet { name, value }).map_err(|error| error.errno)
    };
    match outcome {
        Ok(()) => {
            if !options.quiet {
                let line = match (options.values || options.names, options.binary) {
                    (_, true) => value.to_owned(),
                    (true, false) => format!("{value}\n"),
                    (false, false) => format!("{} = {value}\n", key.dotted),
                };
                session.stdout += &line;
            }
            true
        }
        Err(Errno::ENOENT) if options.ignore => true,
        Err(Errno::ENOENT) => {
            session.stderr += &cannot_stat(&key);
            false
        }
        // What can only be read is not tried; whatever error came last is told, and that is no failure.
        Err(Errno::EACCES) => {
            let error = Errno::EINVAL;
            session.err(format_args!("sysctl: setting key \"{}\": {error}\n", key.dotted));
            true
        }
        Err(error) => {
            session.err(format_args!("sysctl: setting key \"{}\": {error}\n", key.dotted));
            false
        }
    }
}

fn cannot_stat(key: &Key) -> String {
    format!("sysctl: cannot stat {ROOT}{}: {}\n", key.path, Errno::ENOENT)
}

/// Shows a setting; false if that failed.
fn show(session: &mut Session<'_>, options: &Options, word: &str) -> Result<bool> {
    if word.is_empty() {
        return Err(Failure::exits(255, "sysctl: \"\" is an unknown key\n"));
    }
    let key = Key::new(word);
    if show_below(session, options, &key.path) {
        return Ok(true);
    }
    match sysctl::get(&session.world.kernel, session.netns, &key.dotted) {
        Ok(value) => {
            print(session, options, &key, &value);
            Ok(true)
        }
        Err(Errno::ENOENT) if options.ignore => Ok(true),
        Err(Errno::ENOENT) => {
            session.stderr += &cannot_stat(&key);
            Ok(false)
        }
        // It can only be written, which is passed over in silence.
        Err(Errno::EACCES) => Ok(true),
        Err(error) => {
            session.err(format_args!("sysctl: reading key \"{}\": {error}\n", key.dotted));
            Ok(false)
        }
    }
}

/// Settings that lists leave out: there are newer ones for the same.
const DEPRECATED: [&str; 2] = ["/base_reachable_time", "/retrans_time"];

/// Shows all settings below a folder; false if there is none. What cannot be read is passed over.
fn show_below(session: &mut Session<'_>, options: &Options, folder: &str) -> bool {
    let folder = folder.trim_end_matches('/');
    let below = |path: &str| {
        let rest = path.strip_prefix(folder);
        rest.is_some_and(|rest| folder.is_empty() || rest.starts_with('/'))
    };
    let mut paths = sysctl::list(&session.world.kernel, session.netns);
    let hidden = |path: &str| !options.deprecated && DEPRECATED.iter().any(|d| path.ends_with(d));
    paths.retain(|path| below(path) && !hidden(path));
    for path in &paths {
        let key = Key { dotted: swap(path), path: path.clone() };
        if let Ok(value) = sysctl::get(&session.world.kernel, session.netns, &key.dotted) {
            print(session, options, &key, &value);
        }
    }
    !paths.is_empty()
}

fn print(session: &mut Session<'_>, options: &Options, key: &Key, value: &str) {
    if options.names {
        session.out(format_args!("{}\n", key.dotted));
        return;
    }
    for line in value.lines() {
        let line = match (options.binary, options.values) {
            (true, _) => line.to_owned(),
            (false, true) => format!("{line}\n"),
            (false, false) => format!("{} = {line}\n", key.dotted),
        };
        session.stdout += &line;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_separator_decides_how_a_name_is_written() {
        for (text, dotted, path) in [
            ("net.ipv4.ip_forward", "net.ipv4.ip_forward", "net/ipv4/ip_forward"),
            ("net/ipv4/ip_forward", "net.ipv4.ip_forward", "net/ipv4/ip_forward"),
            ("net/conf/eth0.1/tag", "net.conf.eth0/1.tag", "net/conf/eth0.1/tag"),
            ("net.conf.eth0/1.tag", "net.conf.eth0/1.tag", "net/conf/eth0.1/tag"),
        ] {
            assert_eq!(Key::new(text), Key { dotted: dotted.into(), path: path.into() });
        }
    }
}
