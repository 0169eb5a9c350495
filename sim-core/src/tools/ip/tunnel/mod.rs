//! `ip tunnel`: tunnels by ioctl. Of the modes there is `ipip`.

mod args;
mod print;

use std::net::Ipv4Addr;

use crate::errno::Errno;
use crate::link::ipip::TunnelProto;
use crate::link::{DevKind, DevName, Ipip};
use crate::netlink::request::{LinkRef, TunnelSpec};
use crate::netlink::tunnel::BASE;
use crate::netlink::{NetlinkError, Request};
use crate::tools::argv::{Args, Keyword, abbr, keyword};
use crate::tools::failure::{Failure, Result};
use crate::tools::ip::options::{Family, Options};
use crate::tools::ip::tunnel::args::{Parm, Purpose};
use crate::tools::ip::usage;
use crate::tools::session::{Host as _, Session};

#[derive(Clone, Copy)]
enum Verb {
    Add,
    Change,
    Delete,
    Show,
    Prl,
    SixRd,
    Help,
}

/// In iproute2's order.
const VERBS: &[Keyword<Verb>] = &[
    abbr("add", Verb::Add),
    abbr("change", Verb::Change),
    abbr("delete", Verb::Delete),
    abbr("show", Verb::Show),
    abbr("lst", Verb::Show),
    abbr("list", Verb::Show),
    abbr("prl", Verb::Prl),
    abbr("6rd", Verb::SixRd),
    abbr("help", Verb::Help),
];

/// Runs `ip tunnel` with the words behind it.
pub(crate) fn run(session: &mut Session<'_>, options: &Options, args: &mut Args<'_>) -> Result<()> {
    let word = args.next().unwrap_or("show");
    let verb = keyword(VERBS, word);
    if options.family == Family::Inet6 {
        return match verb {
            // There are none.
            Some(Verb::Show) => Ok(()),
            _ => Err(Failure::not_modelled("\"ip -6 tunnel\"")),
        };
    }
    match verb {
        Some(Verb::Add) => add(session, args),
        Some(Verb::Change) => change(session, args),
        Some(Verb::Delete) => delete(session, args),
        Some(Verb::Show) => show(session, options, args),
        Some(Verb::Prl) => prl(session, args),
        Some(Verb::SixRd) => Err(Failure::not_modelled("\"ip tunnel 6rd\"")),
        Some(Verb::Help) => Err(usage::tunnel()),
        None => {
            let text = format!("Command \"{word}\" is unknown, try \"ip tunnel help\"\n");
            Err(Failure::exits(255, text))
        }
    }
}

/// What an ioctl was refused for.
fn refused(what: &str, name: &str, error: Errno) -> Failure {
    Failure::returns(1, format!("{what} tunnel \"{name}\" failed: {error}\n"))
}

/// The tunnel that is called `name` (`SIOCGETTUNNEL`).
fn get(session: &Session<'_>, name: &str) -> std::result::Result<Ipip, Errno> {
    let link = session.host().device(name).ok_or(Errno::ENODEV)?;
    let dev = session.dev(link).ok_or(Errno::ENODEV)?;
    let DevKind::Ipip(ipip) = session.world.kernel.devs[dev].kind else {
        return Err(Errno::EOPNOTSUPP);
    };
    Ok(ipip)
}

/// What is asked of the kernel, if that can be (`do_add()`).
fn spec(session: &Session<'_>, parm: &Parm<'_>) -> Result<TunnelSpec> {
    if parm.ttl != 0 && !parm.pmtudisc {
        return Err(Failure::returns(1, "ttl != 0 and nopmtudisc are incompatible\n"));
    }
    if parm.proto != Some(TunnelProto::Ipip) {
        let text = "cannot determine tunnel mode (ipip, gre, vti or sit)\n";
        return Err(Failure::returns(1, text));
    }
    let dev = medium(session, parm)?.or(parm.link);
    let Parm { local, remote, ttl, tos, pmtudisc, .. } = *parm;
    Ok(TunnelSpec { dev, local, remote, ttl, tos, pmtudisc })
}

/// The device that is to carry the outer packets.
fn medium(session: &Session<'_>, parm: &Parm<'_>) -> Result<Option<LinkRef>> {
    let find = |name: &str| session.host().device(name).ok_or_else(|| Failure::no_device(name));
    parm.dev.map(find).transpose()
}

/// A device's name in an ioctl.
fn kernel_name(name: &str) -> std::result::Result<DevName, NetlinkError> {
    name.parse().map_err(|_| Errno::EINVAL.into())
}

fn add(session: &mut Session<'_>, args: &mut Args<'_>) -> Result<()> {
    let parm = args::read(session, args, Purpose::Other)?;
    let spec = spec(session, &parm)?;
    let name = parm.name.map(kernel_name).transpose();
    let done = name.and_then(|name| session.ask(&Request::TunnelAdd(name, spec)));
    done.map_err(|error| refused("add", BASE, error.errno))
}

fn change(session: &mut Session<'_>, args: &mut Args<'_>) -> Result<()> {
    let parm = args::read(session, args, Purpose::Change)?;
    let spec = spec(session, &parm)?;
    let name = parm.name.unwrap_or(BASE);
    let done = kernel_name(name);
    let done = done.and_then(|name| session.ask(&Request::TunnelSet(name, spec)));
    done.map_err(|error| refused("add", name, error.errno))
}

/// Without a name, a mode stands for the device that is asked for new tunnels.
fn delete(session: &mut Session<'_>, args: &mut Args<'_>) -> Result<()> {
    let parm = args::read(session, args, Purpose::Other)?;
    medium(session, &parm)?;
    let name = match (parm.name, parm.proto) {
        (Some(name), _) => name,
        (None, Some(_)) => BASE,
        (None, None) => return Err(refused("delete", "", Errno::ENODEV)),
    };
    let done = kernel_name(name).and_then(|name| session.ask(&Request::TunnelDel(name)));
    done.map_err(|error| refused("delete", name, error.errno))
}

/// Shows one tunnel if a mode is given, else all that fit (`do_show()`).
fn show(session: &mut Session<'_>, options: &Options, args: &mut Args<'_>) -> Result<()> {
    let parm = args::read(session, args, Purpose::Other)?;
    let link = medium(session, &parm)?.and_then(|link| session.dev(link));
    let link = link.map(|dev| session.world.kernel.devs[dev].ifindex);
    let mut list = print::List::new(options);
    let here = session.host();
    let kernel = &session.world.kernel;
    for dev in kernel.netns[session.netns].links.values() {
        let device = &kernel.devs[*dev];
        let DevKind::Ipip(ipip) = &device.kind else { continue };
        let name = device.name.as_str();
        let any = |wanted: Ipv4Addr, has: Ipv4Addr| wanted.is_unspecified() || wanted == has;
        let fits = match parm.proto {
            Some(_) => name == parm.name.unwrap_or(BASE),
            None => {
                parm.name.is_none_or(|wanted| wanted == name)
                    && link.is_none_or(|link| link == ipip.link)
                    && any(parm.remote, ipip.remote)
                    && any(parm.local, ipip.local)
            }
        };
        if fits {
            list.tunnel(name, ipip, &device.stats, &here);
        }
    }
    session.stdout += &list.finish();
    Ok(())
}

/// Potential routers are ISATAP's, which no other tunnel has (`do_prl()`).
fn prl(session: &Session<'_>, args: &mut Args<'_>) -> Result<()> {
    let (mut ioctl, mut dev) = (None, None);
    while let Some(word) = args.next() {
        let number = match word {
            "prl-default" | "prl-nodefault" => 0x89f5,
            "prl-delete" => 0x89f6,
            "dev" => {
                dev = Some(args.value()?);
                continue;
            }
            _ => {
                let text = format!("Invalid PRL parameter \"{word}\"\n");
                return Err(Failure::exits(255, text));
            }
        };
        let addr = args.value()?;
        if ioctl.replace(number).is_some() {
            return Err(Failure::exits(255, "One PRL entry at a time\n"));
        }
        args::address(addr)?;
    }
    let dev = dev.ok_or_else(|| Failure::exits(255, "Must specify device\n"))?;
    let error = match (ioctl, get(session, dev)) {
        (None, _) => "Inappropriate ioctl for device".to_owned(),
        (Some(_), Ok(_)) => Errno::EINVAL.to_string(),
        (Some(_), Err(error)) => error.to_string(),
    };
    let number = ioctl.unwrap_or(0);
    Err(Failure::returns(1, format!("{dev}: ioctl {number:x} failed: {error}\n")))
}
