//! `owner`: whose packet it is (`libxt_owner` revision 1, `xt_owner`).

use std::fmt::Write as _;

use crate::errno::Errno;
use crate::family::AddressFamily;
use crate::kernel::{Flight, Kernel, SentBy};
use crate::netfilter::Hook;
use crate::netfilter::xtables::extension::{
    Context, Extension, Given, Kind, Opt, Place, Problem, Style,
};
use crate::netfilter::xtables::matches::{MatchExtension, MatchState, Matched};
use crate::netfilter::xtables::packet::Seen;
use crate::netfilter::xtables::value;

/// From one number of a user or a group to the other, or all others.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Ids {
    min: u32,
    max: u32,
    invert: bool,
}

/// What is asked of the socket that a packet comes from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Owner {
    user: Option<Ids>,
    group: Option<Ids>,
    /// Whether there has to be one.
    socket: Option<bool>,
    /// Whether the groups that the user is in besides count, too.
    supplementary: bool,
}

/// Whose packet it is.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Sender {
    /// It is passed on, or made by a part of the kernel that has no socket.
    Nobody,
    /// The kernel answers by a socket of its own.
    Kernel,
    /// A program of the superuser, as all programs are here.
    Program,
}

/// The superuser and its group.
const ROOT: u32 = 0;

/// The users and groups that a Debian has from the beginning on.
const USERS: &[(u32, &str)] = &[
    (0, "root"),
    (1, "daemon"),
    (2, "bin"),
    (3, "sys"),
    (4, "sync"),
    (5, "games"),
    (6, "man"),
    (7, "lp"),
    (8, "mail"),
    (9, "news"),
    (10, "uucp"),
    (13, "proxy"),
    (33, "www-data"),
    (34, "backup"),
    (38, "list"),
    (39, "irc"),
    (42, "_apt"),
    (65534, "nobody"),
];

/// As [`USERS`].
const GROUPS: &[(u32, &str)] = &[
    (0, "root"),
    (1, "daemon"),
    (2, "bin"),
    (3, "sys"),
    (4, "adm"),
    (5, "tty"),
    (6, "disk"),
    (7, "lp"),
    (8, "mail"),
    (9, "news"),
    (10, "uucp"),
    (12, "man"),
    (13, "proxy"),
    (15, "kmem"),
    (20, "dialout"),
    (21, "fax"),
    (22, "voice"),
    (24, "cdrom"),
    (25, "floppy"),
    (26, "tape"),
    (27, "sudo"),
    (29, "audio"),
    (30, "dip"),
    (33, "www-data"),
    (34, "backup"),
    (37, "operator"),
    (38, "list"),
    (39, "irc"),
    (40, "src"),
    (42, "shadow"),
    (43, "utmp"),
    (44, "video"),
    (45, "sasl"),
    (46, "plugdev"),
    (50, "staff"),
    (60, "games"),
    (100, "users"),
    (65534, "nogroup"),
];

const UID_OWNER: usize = 0;
const GID_OWNER: usize = 1;
const SOCKET_EXISTS: usize = 2;

impl Ids {
    /// Reads a name, a number, or two numbers with a dash or a colon between them.
    fn read(given: &Given<'_>, option: &str, names: &[(u32, &str)]) -> Result<Self, Problem> {
        let invert = given.invert;
        if let Some((id, _)) = names.iter().find(|(_, name)| *name == given.word) {
            return Ok(Self { min: *id, max: *id, invert });
        }
        let number = |text| {
            let (value, rest) = value::leading_number(text)?;
            // The last number stands for nobody at all.
            let id = u32::try_from(value).ok().filter(|id| *id != u32::MAX)?;
            Some((id, rest))
        };
        let range = || {
            let (min, rest) = number(given.word)?;
            let (max, rest) = match rest.strip_prefix(['-', ':']) {
                Some(rest) => number(rest)?,
                None => (min, rest),
            };
            rest.is_empty().then_some(Self { min, max, invert })
        };
        range().ok_or_else(|| Problem::bad_value(Owner::NAME, option, given.word))
    }

    fn write(self, label: &str, names: &[(u32, &str)], out: &mut String) {
        let Self { min, max, invert } = self;
        let not = if invert { " !" } else { "" };
        let name = names.iter().find(|(id, _)| *id == min && min == max);
        let written = match name {
            Some((_, name)) => write!(out, "{not} {label} {name}"),
            None if min == max => write!(out, "{not} {label} {min}"),
            None => write!(out, "{not} {label} {min}-{max}"),
        };
        written.expect("a string");
    }

    fn matches(self, id: u32) -> bool {
        (self.min..=self.max).contains(&id) != self.invert
    }
}

impl Sender {
    fn of(k: &Kernel, f: &Flight) -> Self {
        match f.sk {
            SentBy::Socket(sk) => match k.sockets.get(sk) {
                Some(socket) if socket.netns == f.netns => Self::Program,
                _ => Self::Nobody,
            },
            // What this host answers to packets is sent by sockets that the kernel keeps for that; reports about
            // groups, and the resets of `REJECT`, are sent by none.
            SentBy::Icmp | SentBy::Tcp => Self::Kernel,
            SentBy::Nobody => Self::Nobody,
        }
    }
}

impl Owner {
    fn write(
        &self,
        labels: [&str; 4],
        users: &[(u32, &str)],
        groups: &[(u32, &str)],
        out: &mut String,
    ) {
        if let Some(exists) = self.socket {
            let not = if exists { "" } else { " !" };
            write!(out, "{not} {}", labels[0]).expect("a string");
        }
        if let Some(user) = self.user {
            user.write(labels[1], users, out);
        }
        if let Some(group) = self.group {
            group.write(labels[2], groups, out);
        }
        if self.supplementary {
            write!(out, " {}", labels[3]).expect("a string");
        }
    }
}

impl Extension for Owner {
    const NAME: &'static str = "owner";
    const OPTIONS: &'static [Opt] = &[
        Opt::new("uid-owner", Kind::Text(0, 0)).invertible(),
        Opt::new("gid-owner", Kind::Text(0, 0)).invertible(),
        Opt::new("socket-exists", Kind::None).invertible(),
        Opt::new("suppl-groups", Kind::None),
    ];
    const HELP: &'static str = include_str!("help/owner.txt");

    fn new(_: AddressFamily) -> Self {
        Self::default()
    }

    fn parse(&mut self, given: &Given<'_>, _: &Context<'_>) -> Result<(), Problem> {
        match given.index {
            UID_OWNER => self.user = Some(Ids::read(given, "--uid-owner", USERS)?),
            GID_OWNER => self.group = Some(Ids::read(given, "--gid-owner", GROUPS)?),
            SOCKET_EXISTS => self.socket = Some(!given.invert),
            _ if self.group.is_none() => {
                let why = "you need to use --gid-owner first";
                return Err(Problem::bad_value(Self::NAME, "--suppl-groups", why));
            }
            _ => self.supplementary = true,
        }
        Ok(())
    }

    fn check(&mut self, seen: u64, _: &Context<'_>) -> Result<(), Problem> {
        if seen == 0 {
            return Err(Problem::parameter(
                "owner: At least one of --uid-owner, --gid-owner or --socket-exists is required",
            ));
        }
        Ok(())
    }

    fn save(&self, _: Style, out: &mut String) {
        let labels = ["--socket-exists", "--uid-owner", "--gid-owner", "--suppl-groups"];
        self.write(labels, &[], &[], out);
    }

    fn print(&self, style: Style, out: &mut String) {
        let labels =
            ["owner socket exists", "owner UID match", "owner GID match", "incl. suppl. groups"];
        let (users, groups) = if style.numeric { (&[][..], &[][..]) } else { (USERS, GROUPS) };
        self.write(labels, users, groups, out);
    }
}

impl MatchExtension for Owner {
    const HOOKS: &'static [Hook] = &[Hook::Output, Hook::PostRouting];

    fn admit(&self, _: &Place<'_>) -> Result<(), Errno> {
        let turned = |ids: Option<Ids>| ids.is_some_and(|ids| ids.min > ids.max);
        if turned(self.user) || turned(self.group) { Err(Errno::EINVAL) } else { Ok(()) }
    }

    fn matches(&self, k: &mut Kernel, f: &Flight, _: &Seen, _: &mut MatchState) -> Matched {
        let sender = Sender::of(k, f);
        let ids = [self.user, self.group];
        let nobody_will_do = ids.iter().flatten().all(|ids| ids.invert);
        let matched = match sender {
            Sender::Nobody => nobody_will_do && self.socket != Some(true) && !self.supplementary,
            Sender::Kernel => self.socket != Some(false) && nobody_will_do,
            Sender::Program => {
                self.socket != Some(false) && ids.iter().flatten().all(|ids| ids.matches(ROOT))
            }
        };
        matched.into()
    }
}
