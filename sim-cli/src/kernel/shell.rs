//! Runs the commands of a case in its namespaces.
//!
//! Setup is run fast where that changes nothing: `ip` commands in a row for one namespace go to one
//! `ip -batch` inside that namespace, and sysctls are written to `/proc/sys` as sysctl(8) does. Commands
//! whose output is observed always run as they stand.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;
use std::process::{Output, Stdio};

use sim_core::case::observed::CommandObserved;
use sim_core::case::{Command, ROOT_NETNS};

use super::namespaces::Namespaces;

const PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin";

/// Builds the network of a case.
pub(super) fn set_up(
    namespaces: &mut Namespaces,
    case_dir: &Path,
    setup: &[Command],
) -> io::Result<()> {
    let mut rest = setup;
    while let Some(first) = rest.first() {
        let (netns, argv) = place(first);
        let same = rest.iter().take_while(|command| is_batched_with(argv, &netns, command)).count();
        let (group, others) = rest.split_at(same.max(1));
        rest = others;
        if same > 0 {
            run_batch(namespaces, &netns, group)?;
            if argv.get(1).is_some_and(|word| word == "netns") {
                namespaces.find_new()?;
            }
        } else if !write_sysctls(namespaces, &netns, argv)? {
            let output = run(namespaces, &netns, case_dir, argv, first.stdin.as_deref())?;
            if !output.status.success() {
                return Err(failure(first, &output));
            }
        }
    }
    Ok(())
}

/// Runs the command of a `sh` step as it stands.
pub(super) fn observe(
    namespaces: &Namespaces,
    netns: &str,
    case_dir: &Path,
    command: &Command,
) -> io::Result<CommandObserved> {
    let output = run(namespaces, netns, case_dir, &command.argv, command.stdin.as_deref())?;
    Ok(CommandObserved {
        line: command.line,
        rc: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

/// Runs a command in a namespace.
pub(super) fn run(
    namespaces: &Namespaces,
    netns: &str,
    dir: &Path,
    argv: &[String],
    stdin: Option<&str>,
) -> io::Result<Output> {
    let (tool, args) = argv.split_first().ok_or_else(|| io::Error::other("no command"))?;
    let stdin = match stdin {
        Some(file) => Stdio::from(File::open(dir.join(file))?),
        None => Stdio::null(),
    };
    namespaces
        .within(netns, || tool_command(tool).args(args).current_dir(dir).stdin(stdin).output())
}

/// Runs one tool over the lines of a batch; what it printed, or its complaint.
pub(super) fn run_lines(
    namespaces: &Namespaces,
    netns: &str,
    argv: &[&str],
    lines: &str,
) -> io::Result<Output> {
    let mut child = namespaces.within(netns, || {
        let mut command = tool_command(argv[0]);
        command.args(&argv[1..]).args(["-batch", "-"]).stdin(Stdio::piped());
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()
    })?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(lines.as_bytes())?;
    }
    child.wait_with_output()
}

pub(super) fn tool_command(tool: &str) -> std::process::Command {
    let mut command = std::process::Command::new(tool);
    command.env_clear().env("PATH", PATH).env("LC_ALL", "C").env("HOME", "/root");
    command.env("XTABLES_LOCKFILE", "/run/xtables.lock");
    command
}

/// Where a setup command runs, and its words there: `ip netns exec N ...` and `ip -n N ...` both name
/// a namespace.
fn place(command: &Command) -> (String, &[String]) {
    match command.inside_netns() {
        (Some(netns), argv) => (netns.to_owned(), argv),
        (None, argv) => match argv {
            [tool, flag, netns, ..]
                if matches!(tool.as_str(), "ip" | "bridge" | "tc") && flag == "-n" =>
            {
                (netns.clone(), argv)
            }
            _ => (ROOT_NETNS.to_owned(), argv),
        },
    }
}

/// The words of an `ip` or `bridge` command after its namespace.
fn after_namespace(argv: &[String]) -> &[String] {
    match argv {
        [_, flag, _, rest @ ..] if flag == "-n" => rest,
        [_, rest @ ..] => rest,
        [] => &[],
    }
}

/// Tells whether `command` can be a line of one batch with the command `first`, run in `netns`.
fn is_batched_with(first: &[String], netns: &str, command: &Command) -> bool {
    let (its_netns, argv) = place(command);
    let is_plain = |word: &String| {
        word.chars().all(|c| c.is_ascii_graphic() && !"\"'#\\".contains(c)) && !word.is_empty()
    };
    let words = after_namespace(argv);
    let is_netns_add = |words: &[String]| words.first().is_some_and(|word| word == "netns");
    command.stdin.is_none()
        && its_netns == netns
        && matches!(argv.first().map(String::as_str), Some("ip" | "bridge"))
        && argv.first() == first.first()
        && words.first().is_some_and(|word| !word.starts_with('-'))
        && is_netns_add(words) == is_netns_add(after_namespace(first))
        && words.iter().all(is_plain)
}

fn run_batch(namespaces: &Namespaces, netns: &str, group: &[Command]) -> io::Result<()> {
    let lines: Vec<String> =
        group.iter().map(|command| after_namespace(place(command).1).join(" ") + "\n").collect();
    let tool = place(&group[0]).1[0].as_str();
    let output = run_lines(namespaces, netns, &[tool], &lines.concat())?;
    if output.status.success() {
        return Ok(());
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    let number = stderr.lines().find_map(|line| line.strip_prefix("Command failed -:"));
    let place: usize = number.and_then(|n| n.trim().parse().ok()).unwrap_or(1);
    Err(failure(group.get(place.saturating_sub(1)).unwrap_or(&group[0]), &output))
}

fn failure(command: &Command, output: &Output) -> io::Error {
    io::Error::other(format!(
        "setup.sh:{}: `{}` failed ({}): {}{}",
        command.line,
        command.text,
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    ))
}

/// Writes the values of a plain `sysctl -qw`; `false` when sysctl(8) itself has to look at it.
fn write_sysctls(namespaces: &Namespaces, netns: &str, argv: &[String]) -> io::Result<bool> {
    let [tool, flags, assignments @ ..] = argv else { return Ok(false) };
    if tool != "sysctl" || flags != "-qw" {
        return Ok(false);
    }
    namespaces.within(netns, || {
        let written = assignments.iter().all(|assignment| {
            let Some((key, value)) = assignment.split_once('=') else { return false };
            let path = Path::new("/proc/sys").join(key.replace('.', "/"));
            !key.contains('/') && path.is_file() && fs::write(path, format!("{value}\n")).is_ok()
        });
        Ok(written)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batched(first: &str, second: &str) -> bool {
        let (first, second) =
            (Command::parse(1, first).unwrap(), Command::parse(2, second).unwrap());
        let (netns, argv) = place(&first);
        is_batched_with(argv, &netns, &first) && is_batched_with(argv, &netns, &second)
    }

    #[test]
    fn commands_of_one_tool_for_one_namespace_share_a_run() {
        assert!(batched("ip -n r link set lo up", "ip -n r addr add 10.0.0.1/24 dev e0"));
        assert!(batched("ip -n r link set lo up", "ip netns exec r ip route show"));
        assert!(batched("ip netns add a", "ip netns add b"));
    }

    #[test]
    fn others_run_by_themselves() {
        assert!(!batched("ip -n r link set lo up", "ip -n x link set lo up"));
        assert!(!batched("ip -n r link set lo up", "bridge -n r link set dev e0 hairpin on"));
        assert!(!batched("ip link set lo up", "ip netns add a"));
        assert!(!batched("ip -n r link set lo up", "ip -n r link set e0 alias \"a b\""));
        assert!(!batched("sysctl -qw net.ipv4.ip_forward=1", "sysctl -qw net.ipv4.ip_forward=1"));
    }
}
