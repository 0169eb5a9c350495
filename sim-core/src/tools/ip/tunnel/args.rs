//! The words behind `ip tunnel`'s verbs (`parse_args()`).

use std::net::{IpAddr, Ipv4Addr};

use crate::family::AddressFamily;
use crate::libc::number;
use crate::link::ipip::TunnelProto;
use crate::netlink::request::LinkRef;
use crate::tools::argv::{Args, abbreviates};
use crate::tools::failure::{Failure, Result};
use crate::tools::ip::link::attributes::is_interface_name;
use crate::tools::ip::{tunnel, usage};
use crate::tools::session::Session;
use crate::tools::{inet, names};

/// What the words are for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Purpose {
    /// A change: a name that stands first brings the tunnel's present parameters in.
    Change,
    /// Anything else.
    Other,
}

/// A tunnel's parameters (`struct ip_tunnel_parm`).
#[derive(Clone, Debug)]
pub(super) struct Parm<'a> {
    pub(super) name: Option<&'a str>,
    pub(super) proto: Option<TunnelProto>,
    pub(super) remote: Ipv4Addr,
    pub(super) local: Ipv4Addr,
    /// The device that carries the outer packets, as it was given.
    pub(super) dev: Option<&'a str>,
    /// The device that carries them so far.
    pub(super) link: Option<LinkRef>,
    pub(super) ttl: u8,
    pub(super) tos: u8,
    pub(super) pmtudisc: bool,
}

/// The modes of other tunnels.
const OTHER_MODES: [&str; 6] = ["gre", "gre/ip", "sit", "ipv6/ip", "isatap", "vti"];
/// The modes of tunnels in IPv6.
const MODES_IN_IPV6: [&str; 8] =
    ["any", "ip6ip6", "ipv6/ipv6", "ipip6", "ip/ipv6", "ip6gre", "gre/ipv6", "vti6"];

/// Reads them all.
pub(super) fn read<'a>(
    session: &Session<'_>,
    args: &mut Args<'a>,
    purpose: Purpose,
) -> Result<Parm<'a>> {
    let mut parm = Parm {
        name: None,
        proto: None,
        remote: Ipv4Addr::UNSPECIFIED,
        local: Ipv4Addr::UNSPECIFIED,
        dev: None,
        link: None,
        ttl: 0,
        tos: 0,
        pmtudisc: true,
    };
    let mut first = true;
    while let Some(word) = args.next() {
        match word {
            "mode" => parm.set_mode(args.value()?)?,
            "remote" => parm.remote = address(args.value()?)?,
            "local" => parm.local = address(args.value()?)?,
            "dev" => parm.dev = Some(args.value()?),
            "ttl" | "hoplimit" | "hlim" => parm.set_ttl(args.value()?)?,
            "nopmtudisc" => parm.pmtudisc = false,
            "pmtudisc" => parm.pmtudisc = true,
            // The kernel forgets them with this mode.
            "seq" | "iseq" | "oseq" | "csum" | "icsum" | "ocsum" => {}
            "key" | "ikey" | "okey" => {
                return Err(Failure::not_modelled(&format!("ip tunnel's \"{word}\"")));
            }
            "tos" | "tclass" => parm.set_tos(args.value()?)?,
            _ if abbreviates(word, "dsfield") => parm.set_tos(args.value()?)?,
            _ if abbreviates(word, "help") => return Err(usage::tunnel()),
            _ => {
                let name = if word == "name" { args.value()? } else { word };
                parm.set_name(name)?;
                if first && purpose == Purpose::Change {
                    parm.take_over(session, name)?;
                }
            }
        }
        first = false;
    }
    if parm.remote.is_multicast() && parm.local.is_unspecified() {
        return Err(Failure::returns(1, "A broadcast tunnel requires a source address\n"));
    }
    Ok(parm)
}

/// An IPv4 address, unspecified for `any` (`get_addr32()`).
pub(super) fn address(text: &str) -> Result<Ipv4Addr> {
    match inet::addr(text, Some(AddressFamily::Inet)) {
        Ok(None) => Ok(Ipv4Addr::UNSPECIFIED),
        Ok(Some(IpAddr::V4(addr))) => Ok(addr),
        Ok(Some(IpAddr::V6(_))) | Err(_) => {
            let text = format!("Error: an IP address is expected rather than \"{text}\"\n");
            Err(Failure::exits(1, text))
        }
    }
}

impl<'a> Parm<'a> {
    fn set_mode(&mut self, mode: &str) -> Result<()> {
        match mode {
            "ipip" | "ip/ip" => self.proto = Some(TunnelProto::Ipip),
            _ if OTHER_MODES.contains(&mode) => {
                if self.proto == Some(TunnelProto::Ipip) {
                    let text = "You managed to ask for more than one tunnel mode.\n";
                    return Err(Failure::exits(255, text));
                }
                return Err(Failure::not_modelled(&format!("the tunnel mode \"{mode}\"")));
            }
            _ if MODES_IN_IPV6.contains(&mode) => {
                return Err(Failure::not_modelled(&format!("the tunnel mode \"{mode}\"")));
            }
            _ => return Err(Failure::exits(255, format!("Unknown tunnel mode \"{mode}\"\n"))),
        }
        Ok(())
    }

    /// `inherit` leaves a TTL as it is.
    fn set_ttl(&mut self, text: &str) -> Result<()> {
        if text != "inherit" {
            let ttl = number::u8(text);
            self.ttl = ttl.ok_or_else(|| Failure::invalid("invalid TTL\n", text))?;
        }
        Ok(())
    }

    /// What stands behind a slash counts only behind `inherit`.
    fn set_tos(&mut self, text: &str) -> Result<()> {
        let (head, tail) = match text.split_once('/') {
            Some((head, tail)) => (head, Some(tail)),
            None => (text, None),
        };
        let (inherit, value) = if head == "inherit" { (1, tail) } else { (0, Some(head)) };
        let bad = || Failure::invalid("bad TOS value", head);
        let value = value.map(|value| names::dsfield(value).ok_or_else(bad)).transpose()?;
        self.tos = value.unwrap_or(0) | inherit;
        Ok(())
    }

    fn set_name(&mut self, name: &'a str) -> Result<()> {
        if self.name.is_some() {
            return Err(Failure::garbage("name", name));
        }
        if !is_interface_name(name) {
            return Err(Failure::invalid("\"name\" not a valid ifname", name));
        }
        self.name = Some(name);
        Ok(())
    }

    /// Starts from what the tunnel has.
    fn take_over(&mut self, session: &Session<'_>, name: &str) -> Result<()> {
        let ipip = tunnel::get(session, name).map_err(|e| tunnel::refused("get", name, e))?;
        *self = Self {
            proto: Some(ipip.proto),
            remote: ipip.remote,
            local: ipip.local,
            link: Some(LinkRef::Index(ipip.link)).filter(|_| ipip.link.0 != 0),
            ttl: ipip.ttl,
            tos: ipip.tos,
            pmtudisc: ipip.pmtudisc,
            ..self.clone()
        };
        Ok(())
    }
}
