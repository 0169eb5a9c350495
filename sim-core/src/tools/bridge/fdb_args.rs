//! `bridge fdb add`, `append`, `replace`, `delete`: from words to requests.

use std::net::IpAddr;

use crate::libc::number;
use crate::netlink::request::{FdbSpec, FdbState, LinkRef};
use crate::packet::MacAddr;
use crate::tools::argv::{Args, Keyword, abbr, abbreviates, full, keyword};
use crate::tools::bridge::usage;
use crate::tools::failure::{Failure, Result};
use crate::tools::inet;
use crate::tools::ip::options::Options;
use crate::tools::session::Host;

#[derive(Clone, Copy)]
enum Word {
    Dev,
    Dst,
    Port,
    Vni,
    Via,
    Own,
    Master,
    Permanent,
    Static,
    Dynamic,
    Vlan,
    ExternLearn,
    Sticky,
    To,
    NotModelled,
}

const WORDS: &[Keyword<Word>] = &[
    full("dev", Word::Dev),
    full("dst", Word::Dst),
    full("nhid", Word::NotModelled),
    full("port", Word::Port),
    full("vni", Word::Vni),
    full("src_vni", Word::NotModelled),
    full("via", Word::Via),
    full("self", Word::Own),
    abbr("master", Word::Master),
    abbr("router", Word::NotModelled),
    abbr("local", Word::Permanent),
    abbr("permanent", Word::Permanent),
    abbr("temp", Word::Static),
    abbr("static", Word::Static),
    abbr("dynamic", Word::Dynamic),
    abbr("vlan", Word::Vlan),
    abbr("use", Word::NotModelled),
    abbr("extern_learn", Word::ExternLearn),
    abbr("sticky", Word::Sticky),
    full("to", Word::To),
];

#[derive(Default)]
struct Reader<'a> {
    addr: Option<&'a str>,
    dev: Option<&'a str>,
    dst: Option<Option<IpAddr>>,
    port: u16,
    vni: Option<u32>,
    via: Option<LinkRef>,
    own: bool,
    master: bool,
    permanent: bool,
    reachable: bool,
    ages: bool,
    vlan: Option<u16>,
    extern_learn: bool,
    sticky: bool,
}

/// Reads the words behind `bridge fdb add` and its like (`fdb_modify()`).
pub(crate) fn modify(args: &mut Args<'_>, options: &Options, host: &dyn Host) -> Result<FdbSpec> {
    let mut reader = Reader::default();
    while let Some(text) = args.next() {
        match keyword(WORDS, text) {
            Some(Word::NotModelled) => {
                return Err(Failure::not_modelled(&format!("bridge fdb's \"{text}\"")));
            }
            Some(Word::To) => {
                let text = args.value()?;
                reader.set_addr(text)?;
            }
            None => reader.set_addr(text)?,
            Some(word) => reader.set(word, args, options, host)?,
        }
    }
    reader.finish(host)
}

impl<'a> Reader<'a> {
    fn set(
        &mut self,
        word: Word,
        args: &mut Args<'a>,
        options: &Options,
        host: &dyn Host,
    ) -> Result<()> {
        match word {
            Word::Dev => self.dev = Some(args.value()?),
            Word::Dst => {
                let text = args.value()?;
                if self.dst.is_some() {
                    return Err(Failure::garbage("dst", text));
                }
                self.dst = Some(inet::addr(text, options.family.addresses())?);
            }
            Word::Port => {
                let text = args.value()?;
                let port = number::u16(text);
                self.port = port.ok_or_else(|| Failure::invalid("invalid port\n", text))?;
            }
            Word::Vni => self.vni = Some(vni(args.value()?)?),
            Word::Via => {
                let name = args.value()?;
                let via = host.device(name);
                self.via = Some(via.ok_or_else(|| Failure::no_device(name).exiting(255))?);
            }
            Word::Own => self.own = true,
            Word::Master => self.master = true,
            Word::Permanent => self.permanent = true,
            Word::Static => self.reachable = true,
            Word::Dynamic => {
                self.reachable = true;
                self.ages = true;
            }
            Word::Vlan => {
                if self.vlan.is_some() {
                    return Err(Failure::garbage("vlan", "vlan"));
                }
                let vlan = number::atoi(args.value()?);
                self.vlan = u16::try_from(vlan).ok();
            }
            Word::ExternLearn => self.extern_learn = true,
            Word::Sticky => self.sticky = true,
            Word::To | Word::NotModelled => {}
        }
        Ok(())
    }

    fn set_addr(&mut self, text: &'a str) -> Result<()> {
        if abbreviates(text, "help") {
            return Err(usage::fdb());
        }
        if self.addr.is_some() {
            return Err(Failure::garbage("to", text));
        }
        self.addr = Some(text);
        Ok(())
    }

    fn finish(self, host: &dyn Host) -> Result<FdbSpec> {
        let (Some(addr), Some(dev)) = (self.addr, self.dev) else {
            return Err(Failure::returns(1, "Device and address are required arguments.\n"));
        };
        let lladdr = mac(addr)?;
        let dst = self.dst.flatten();
        let dev = host.device(dev).ok_or_else(|| Failure::no_device(dev))?;
        let state = if self.permanent || !self.reachable {
            FdbState::Permanent
        } else if self.ages {
            FdbState::Dynamic
        } else {
            FdbState::Static
        };
        Ok(FdbSpec {
            dev,
            lladdr,
            // Nobody was named: the device itself is meant.
            self_: self.own || !self.master,
            master: self.master,
            state,
            dst,
            port: Some(self.port).filter(|port| *port != 0),
            vni: self.vni,
            via: self.via,
            vlan: self.vlan,
            extern_learn: self.extern_learn,
            sticky: self.sticky,
        })
    }
}

/// A VXLAN network identifier.
pub(crate) fn vni(text: &str) -> Result<u32> {
    let vni = number::u32(text).filter(|vni| *vni < 1 << 24);
    vni.ok_or_else(|| Failure::invalid("invalid VNI\n", text))
}

/// An Ethernet address as `sscanf(3)` reads six hexadecimal numbers: each is cut to its low byte, and
/// what follows the last is not looked at.
pub(crate) fn mac(text: &str) -> Result<MacAddr> {
    let octets = || {
        let mut octets = [0; 6];
        let mut rest = text;
        for (i, octet) in octets.iter_mut().enumerate() {
            let digits = if i == 0 { rest } else { rest.strip_prefix(':')? };
            let (value, after) = number::strtoul(digits, 16)?;
            *octet = u8::try_from(value & 0xff).ok()?;
            rest = after;
        }
        Some(MacAddr(octets))
    };
    octets().ok_or_else(|| Failure::returns(1, format!("Invalid mac address {text}\n")))
}
