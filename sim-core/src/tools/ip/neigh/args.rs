//! `ip neigh add`, `change`, `replace`, `delete`: from words to requests.

use std::net::IpAddr;

use crate::errno::Errno;
use crate::libc::number;
use crate::neigh::NudState;
use crate::netlink::NetlinkError;
use crate::netlink::request::NeighSpec;
use crate::packet::MacAddr;
use crate::tools::argv::{Args, Keyword, abbr, abbreviates, full, keyword};
use crate::tools::failure::{Failure, Result};
use crate::tools::ip::options::Options;
use crate::tools::ip::usage;
use crate::tools::session::Host;
use crate::tools::{inet, names};

#[derive(Clone, Copy)]
enum Word {
    Lladdr,
    Nud,
    Proxy,
    Router,
    ExternLearn,
    Dev,
    Protocol,
    To,
    NotModelled,
}

const WORDS: &[Keyword<Word>] = &[
    abbr("lladdr", Word::Lladdr),
    full("nud", Word::Nud),
    abbr("proxy", Word::Proxy),
    full("router", Word::Router),
    full("use", Word::NotModelled),
    full("managed", Word::NotModelled),
    abbr("extern_learn", Word::ExternLearn),
    full("dev", Word::Dev),
    abbr("protocol", Word::Protocol),
    full("to", Word::To),
];

/// The states by name.
const STATES: &[Keyword<NudState>] = &[
    abbr("permanent", NudState::Permanent),
    abbr("reachable", NudState::Reachable),
    full("noarp", NudState::Noarp),
    full("none", NudState::None),
    full("stale", NudState::Stale),
    full("incomplete", NudState::Incomplete),
    full("delay", NudState::Delay),
    full("probe", NudState::Probe),
    abbr("failed", NudState::Failed),
];

/// A state by its name or number (`nud_state_a2n()`).
pub(crate) fn nud_state(text: &str) -> Option<NudState> {
    keyword(STATES, text).or_else(|| {
        let bits = number::u8(text)?;
        STATES.iter().map(Keyword::meaning).find(|state| *state as u8 == bits)
    })
}

/// A request before the device's name is looked up.
#[derive(Default)]
struct Reader<'a> {
    lladdr: Option<&'a str>,
    state: Option<NudState>,
    addr: Option<Option<IpAddr>>,
    dev: Option<&'a str>,
    proxy: bool,
    router: bool,
    extern_learn: bool,
    protocol: u8,
}

/// Reads the words behind `ip neigh add` and its like (`ipneigh_modify()`). A proxy entry may be for no
/// device in particular.
pub(crate) fn modify(args: &mut Args<'_>, options: &Options, host: &dyn Host) -> Result<NeighSpec> {
    let mut reader = Reader::default();
    while let Some(text) = args.next() {
        match keyword(WORDS, text) {
            Some(Word::NotModelled) => {
                return Err(Failure::not_modelled(&format!("ip neigh's \"{text}\"")));
            }
            Some(Word::To) => {
                let text = args.value()?;
                reader.set_addr(text, args, options)?;
            }
            None => reader.set_addr(text, args, options)?,
            Some(word) => reader.set(word, args, options)?,
        }
    }
    reader.finish(host)
}

impl<'a> Reader<'a> {
    fn set(&mut self, word: Word, args: &mut Args<'a>, options: &Options) -> Result<()> {
        let text = match word {
            Word::Router => {
                self.router = true;
                return Ok(());
            }
            Word::ExternLearn => {
                self.extern_learn = true;
                return Ok(());
            }
            Word::Lladdr
            | Word::Nud
            | Word::Proxy
            | Word::Dev
            | Word::Protocol
            | Word::To
            | Word::NotModelled => args.value()?,
        };
        match word {
            Word::Lladdr if self.lladdr.is_some() => {
                return Err(Failure::duplicate("lladdr", text));
            }
            Word::Lladdr => self.lladdr = Some(text),
            Word::Nud => {
                let state = nud_state(text);
                self.state = Some(state.ok_or_else(|| Failure::invalid("nud state is bad", text))?);
            }
            Word::Proxy if abbreviates(text, "help") => return Err(usage::neigh()),
            Word::Proxy if self.addr.is_some() => {
                return Err(Failure::duplicate("address", text));
            }
            Word::Proxy => {
                self.addr = Some(inet::addr(text, options.family.addresses())?);
                self.proxy = true;
            }
            Word::Dev => self.dev = Some(text),
            Word::Protocol => {
                let invalid = || Failure::invalid("\"protocol\" value is invalid\n", text);
                self.protocol = names::rt_proto(text).ok_or_else(invalid)?;
            }
            Word::Router | Word::ExternLearn | Word::To | Word::NotModelled => {}
        }
        Ok(())
    }

    fn set_addr(&mut self, text: &'a str, args: &mut Args<'a>, options: &Options) -> Result<()> {
        // Help is not given here: the word after it is taken for the address.
        let text = if abbreviates(text, "help") { args.value()? } else { text };
        if self.addr.is_some() {
            return Err(Failure::garbage("to", text));
        }
        self.addr = Some(inet::addr(text, options.family.addresses())?);
        Ok(())
    }

    fn finish(self, host: &dyn Host) -> Result<NeighSpec> {
        let known = self.dev.is_some() || self.proxy;
        let Some(addr) = self.addr.flatten().filter(|_| known) else {
            let text = "Device and destination are required arguments.\n";
            return Err(Failure::exits(255, text));
        };
        let lladdr = self.lladdr.filter(|text| *text != "null").map(lladdr).transpose()?;
        let dev = match self.dev {
            Some(name) => Some(host.device(name).ok_or_else(|| Failure::no_device(name))?),
            None => None,
        };
        if addr.is_ipv6() {
            return Err(Failure::not_modelled("an IPv6 neighbour"));
        }
        let (router, extern_learn) = (self.router, self.extern_learn);
        let (proxy, protocol) = (self.proxy, self.protocol);
        Ok(NeighSpec {
            dev,
            addr,
            lladdr,
            state: self.state,
            proxy,
            router,
            extern_learn,
            protocol,
        })
    }
}

/// A link layer address; the kernel refuses those that are too short and cuts off the rest.
fn lladdr(text: &str) -> Result<MacAddr> {
    let bytes = inet::lladdr(text, 20)?;
    let octets = bytes.get(..6).and_then(|bytes| <[u8; 6]>::try_from(bytes).ok());
    octets.map(MacAddr).ok_or_else(|| {
        let error = NetlinkError::with_message(Errno::EINVAL, "Invalid link address");
        Failure::kernel(2, &error).exiting(2)
    })
}
