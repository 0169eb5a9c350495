//! Random tables, chains and rules, in the words of `iptables-restore`.

use super::super::dice::Dice;
use super::matches::{self, SERVER_PORTS, VIRTUAL};
use super::network::BACKENDS;

/// A table of iptables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Table {
    Raw,
    Mangle,
    Nat,
    Filter,
}

/// Where a chain stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hook {
    PreRouting,
    Input,
    Forward,
    Output,
    PostRouting,
    /// A chain that others jump to, from wherever they stand.
    User,
}

impl Hook {
    const fn name(self) -> &'static str {
        match self {
            Self::PreRouting => "PREROUTING",
            Self::Input => "INPUT",
            Self::Forward => "FORWARD",
            Self::Output => "OUTPUT",
            Self::PostRouting => "POSTROUTING",
            Self::User => "user",
        }
    }
}

impl Table {
    const ALL: [Self; 4] = [Self::Raw, Self::Mangle, Self::Nat, Self::Filter];

    const fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Mangle => "mangle",
            Self::Nat => "nat",
            Self::Filter => "filter",
        }
    }

    const fn hooks(self) -> &'static [Hook] {
        match self {
            Self::Raw => &[Hook::PreRouting, Hook::Output],
            Self::Mangle => {
                &[Hook::PreRouting, Hook::Input, Hook::Forward, Hook::Output, Hook::PostRouting]
            }
            Self::Nat => &[Hook::PreRouting, Hook::Input, Hook::Output, Hook::PostRouting],
            Self::Filter => &[Hook::Input, Hook::Forward, Hook::Output],
        }
    }
}

/// Draws a rule set: the lines of a file for `iptables-restore`.
pub(super) fn draw(dice: &mut Dice, bridge_ports: &[String]) -> Vec<String> {
    let mut lines = Vec::new();
    for table in Table::ALL {
        let wanted = match table {
            Table::Raw => 40,
            Table::Mangle => 60,
            Table::Nat | Table::Filter => 85,
        };
        if dice.chance(wanted) {
            lines.extend(draw_table(dice, table, bridge_ports));
        }
    }
    lines
}

fn draw_table(dice: &mut Dice, table: Table, bridge_ports: &[String]) -> Vec<String> {
    let mut lines = vec![format!("*{}", table.name())];
    for hook in table.hooks() {
        let drops = table == Table::Filter && dice.chance(8);
        lines.push(format!(":{} {} [0:0]", hook.name(), if drops { "DROP" } else { "ACCEPT" }));
    }
    let users = dice.below(3);
    lines.extend((0..users).map(|number| format!(":user{number} - [0:0]")));
    for number in 0..users {
        for _ in 0..dice.within(1, 4) {
            let matches = matches::draw(dice, table, Hook::User, &[]);
            let target = user_target(dice, table, number, users);
            lines.push(rule(&format!("user{number}"), &matches, &target));
        }
    }
    for _ in 0..dice.within(3, 16) {
        let hook = dice.pick(table.hooks());
        let matches = matches::draw(dice, table, hook, bridge_ports);
        let (matches, target) = target(dice, table, hook, matches, users);
        lines.push(rule(hook.name(), &matches, &target));
    }
    lines.push("COMMIT".to_owned());
    lines
}

fn rule(chain: &str, matches: &str, target: &str) -> String {
    let words = ["-A", chain, matches, target];
    words.iter().filter(|word| !word.is_empty()).copied().collect::<Vec<_>>().join(" ")
}

/// What a rule of a user chain does: it may stand behind any hook.
fn user_target(dice: &mut Dice, table: Table, number: u32, users: u32) -> String {
    match dice.below(10) {
        0 | 1 => "-j RETURN".to_owned(),
        2 => "-j ACCEPT".to_owned(),
        3 if table == Table::Mangle => mark(dice),
        4 if number + 1 < users => {
            format!("-{} user{}", dice.pick(&["j", "g"]), number + 1)
        }
        5 => "-j LOG".to_owned(),
        6 if table != Table::Nat => dice.pick(&["-j DROP", "-j RETURN", "-j RETURN"]).to_owned(),
        _ => String::new(),
    }
}

/// What a rule of a built-in chain does, with the matches that this needs.
fn target(
    dice: &mut Dice,
    table: Table,
    hook: Hook,
    matches: String,
    users: u32,
) -> (String, String) {
    let goes = dice.below(100);
    match goes {
        0..15 => return (matches, String::new()),
        15..30 if users > 0 => {
            let jump = dice.pick(&["j", "j", "g"]);
            return (matches, format!("-{jump} user{}", dice.below(users)));
        }
        30..36 => return (matches, dice.pick(&["-j RETURN", "-j LOG", "-j NFLOG"]).to_owned()),
        36..44 => return (matches, "-j ACCEPT".to_owned()),
        _ => {}
    }
    match table {
        Table::Raw => raw(dice, matches),
        Table::Mangle => mangle(dice, hook, matches),
        Table::Nat => nat(dice, hook, matches),
        Table::Filter => filter(dice, matches),
    }
}

fn raw(dice: &mut Dice, matches: String) -> (String, String) {
    let target = dice.pick(&[
        "-j NOTRACK",
        "-j CT --notrack",
        "-j CT --zone 5",
        "-j CT --zone-orig 6",
        "-j CT --ctevents new",
        "-j TRACE",
        "-j DROP",
    ]);
    let narrow = target == "-j DROP" && !matches.contains("-p ");
    (if narrow { "-p udp --dport 8080".to_owned() } else { matches }, target.to_owned())
}

fn mark(dice: &mut Dice) -> String {
    let what = dice.pick(&[
        "MARK --set-mark 1",
        "MARK --set-xmark 0x10/0xf0",
        "MARK --or-mark 0x2",
        "MARK --and-mark 0xf",
        "MARK --xor-mark 0x11",
        "CONNMARK --save-mark",
        "CONNMARK --restore-mark",
        "CONNMARK --set-mark 1",
        "CONNMARK --set-xmark 0x10/0xf0",
        "CONNMARK --save-mark --nfmask 0xf0 --ctmask 0xf",
    ]);
    format!("-j {what}")
}

fn mangle(dice: &mut Dice, hook: Hook, matches: String) -> (String, String) {
    let can_clamp = matches!(hook, Hook::Forward | Hook::PostRouting);
    match dice.below(10) {
        0 if can_clamp => {
            let what = dice.pick(&["--clamp-mss-to-pmtu", "--set-mss 900", "--set-mss 1460"]);
            ("-p tcp --tcp-flags SYN,RST SYN".to_owned(), format!("-j TCPMSS {what}"))
        }
        1 if matches.contains("-m ") => (matches, "-j DROP".to_owned()),
        _ => (matches, mark(dice)),
    }
}

/// Draws a translation. Rules that name ports need a protocol that has some.
fn nat(dice: &mut Dice, hook: Hook, matches: String) -> (String, String) {
    let has_ports = ["-p udp", "-p tcp", "-p sctp"].iter().any(|p| matches.starts_with(p));
    let narrowed = |dice: &mut Dice| {
        let to = dice.pick(&VIRTUAL);
        match dice.below(3) {
            0 => format!("-p udp -d {to} --dport {}", dice.pick(&SERVER_PORTS)),
            1 => format!("-p tcp -d {to}"),
            _ => format!("-p udp -d {to}"),
        }
    };
    match hook {
        Hook::PreRouting | Hook::Output => {
            let matches = if has_ports { matches } else { narrowed(dice) };
            let target = match dice.below(12) {
                0 => "REDIRECT".to_owned(),
                1 => "REDIRECT --to-ports 5353".to_owned(),
                2 => "NETMAP --to 10.0.2.0/30".to_owned(),
                3 => "DNAT --to-destination 10.0.2.2-10.0.2.5".to_owned(),
                4 => "DNAT --to-destination 10.0.2.2-10.0.2.3 --persistent".to_owned(),
                5 => format!("DNAT --to-destination :{}", dice.pick(&SERVER_PORTS)),
                6 => "DNAT --to-destination 10.0.1.3".to_owned(),
                7 => "DNAT --to-destination 10.0.1.1:5353".to_owned(),
                _ => format!(
                    "DNAT --to-destination 10.0.2.{}:{}",
                    dice.pick(&BACKENDS),
                    dice.pick(&SERVER_PORTS)
                ),
            };
            (matches, format!("-j {target}"))
        }
        Hook::PostRouting => {
            let target = match dice.below(10) {
                0 if has_ports => "SNAT --to-source 10.0.2.9:7000".to_owned(),
                1 if has_ports => "MASQUERADE --to-ports 7100".to_owned(),
                2 => "SNAT --to-source 10.0.2.100-10.0.2.103".to_owned(),
                3 => "SNAT --to-source 10.0.2.100-10.0.2.101 --persistent".to_owned(),
                4 => "NETMAP --to 192.0.2.0/25".to_owned(),
                5 => "SNAT --to-source 10.0.2.9".to_owned(),
                6 => "MASQUERADE --random".to_owned(),
                _ => "MASQUERADE".to_owned(),
            };
            (matches, format!("-j {target}"))
        }
        Hook::Input => (matches, "-j SNAT --to-source 10.99.0.1".to_owned()),
        Hook::Forward | Hook::User => (matches, String::new()),
    }
}

fn filter(dice: &mut Dice, matches: String) -> (String, String) {
    const ANSWERS: [&str; 8] = [
        "",
        " --reject-with icmp-net-unreachable",
        " --reject-with icmp-host-unreachable",
        " --reject-with icmp-proto-unreachable",
        " --reject-with icmp-net-prohibited",
        " --reject-with icmp-host-prohibited",
        " --reject-with icmp-admin-prohibited",
        " --reject-with icmp-port-unreachable",
    ];
    // One that holds for all packets would leave nothing to see.
    if !matches.contains("-m ") && !matches.contains("port") {
        return (matches, String::new());
    }
    match dice.below(10) {
        0..4 => (matches, "-j DROP".to_owned()),
        4 => ("-p tcp --dport 8080".to_owned(), "-j REJECT --reject-with tcp-reset".to_owned()),
        5..7 => (matches, format!("-j REJECT{}", dice.pick(&ANSWERS))),
        _ => (matches, "-j ACCEPT".to_owned()),
    }
}
