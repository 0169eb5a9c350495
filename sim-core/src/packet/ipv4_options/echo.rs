//! Turning the options of a received packet around for an answer: `__ip_options_echo()`.

use core::net::Ipv4Addr;

use thiserror::Error;

use super::build;
use super::compile::IpOptions;
use super::{IPOPT_TS_PRESPEC, MAX_IPOPTLEN};
use crate::packet::ipv4::IPV4_HLEN;

/// The options of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Echo {
    bytes: [u8; MAX_IPOPTLEN],
    /// What the bytes hold.
    pub found: IpOptions,
}

/// The options of a packet cannot be turned around: an entry is cut short.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("an option has no room for its next entry")]
pub struct EchoError;

impl Default for Echo {
    fn default() -> Self {
        Self { bytes: [0; MAX_IPOPTLEN], found: IpOptions::default() }
    }
}

impl Echo {
    /// Returns the option bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.found.optlen)).unwrap_or_default()
    }

    /// Completes the options as the answer leaves ([`build`]), to `end` at the end of its way.
    #[must_use]
    pub fn leaving(mut self, saddr: Ipv4Addr, end: Ipv4Addr, time_ms: u32) -> Self {
        let len = usize::from(self.found.optlen);
        build(self.bytes.get_mut(..len).unwrap_or_default(), &self.found, saddr, end, time_ms);
        self
    }

    /// Appends an option, and returns its offset in the header.
    fn append(&mut self, option: &[u8]) -> u8 {
        let at = usize::from(self.found.optlen);
        if let Some(to) = self.bytes.get_mut(at..at + option.len()) {
            to.copy_from_slice(option);
        }
        self.found.optlen = u8::try_from(at + option.len()).unwrap_or(u8::MAX);
        u8::try_from(at + IPV4_HLEN).unwrap_or(u8::MAX)
    }
}

/// Makes the options of an answer to a packet whose header is `header` and whose options are `found`:
/// records go on, and a source route goes back.
///
/// `is_foreign_unicast` tells whether an address is unicast and another host's.
///
/// # Errors
/// An entry is cut short: no answer is sent then.
pub fn echo(
    header: &[u8],
    found: &IpOptions,
    is_foreign_unicast: impl Fn(Ipv4Addr) -> bool,
) -> Result<Echo, EchoError> {
    let mut echo = Echo::default();
    if found.optlen == 0 {
        return Ok(echo);
    }
    if let Some(rr) = found.rr {
        record_route(&mut echo, option_at(header, rr), found)?;
    }
    if let Some(ts) = found.ts {
        timestamp(&mut echo, option_at(header, ts), found, is_foreign_unicast)?;
    }
    if let Some(srr) = found.srr {
        source_route(&mut echo, header, option_at(header, srr), found);
    }
    if let Some(cipso) = found.cipso {
        echo.found.cipso = Some(echo.append(option_at(header, cipso)));
    }
    while !echo.found.optlen.is_multiple_of(4) {
        echo.append(&[super::IPOPT_END]);
    }
    Ok(echo)
}

/// The bytes of the option that starts at `offset` of the header.
fn option_at(header: &[u8], offset: u8) -> &[u8] {
    let rest = header.get(usize::from(offset)..).unwrap_or_default();
    let len = rest.get(1).copied().map_or(0, usize::from);
    rest.get(..len).unwrap_or_default()
}

fn set_pointer(echo: &mut Echo, option: u8, pointer: usize) {
    let at = (usize::from(option) + 2).saturating_sub(IPV4_HLEN);
    if let Some(to) = echo.bytes.get_mut(at) {
        *to = u8::try_from(pointer).unwrap_or(u8::MAX);
    }
}

fn pointer_of(option: &[u8]) -> usize {
    option.get(2).copied().map_or(0, usize::from)
}

fn record_route(echo: &mut Echo, option: &[u8], found: &IpOptions) -> Result<(), EchoError> {
    let pointer = pointer_of(option);
    let at = echo.append(option);
    echo.found.rr = Some(at);
    if found.rr_needaddr && pointer <= option.len() {
        if pointer + 3 > option.len() {
            return Err(EchoError);
        }
        set_pointer(echo, at, pointer + 4);
        echo.found.rr_needaddr = true;
    }
    Ok(())
}

fn timestamp(
    echo: &mut Echo,
    option: &[u8],
    found: &IpOptions,
    is_foreign_unicast: impl Fn(Ipv4Addr) -> bool,
) -> Result<(), EchoError> {
    let mut pointer = pointer_of(option);
    let at = echo.append(option);
    echo.found.ts = Some(at);
    if pointer > option.len() {
        return Ok(());
    }
    if found.ts_needaddr {
        if pointer + 3 > option.len() {
            return Err(EchoError);
        }
        echo.found.ts_needaddr = true;
        pointer += 4;
    }
    if found.ts_needtime {
        if pointer + 3 > option.len() {
            return Err(EchoError);
        }
        if option.get(3).copied().unwrap_or(0) & 0x0f != IPOPT_TS_PRESPEC {
            echo.found.ts_needtime = true;
            pointer += 4;
        } else if pointer + 7 <= option.len() && !is_foreign_unicast(addr(option, pointer - 1)) {
            echo.found.ts_needtime = true;
            pointer += 8;
        }
    }
    set_pointer(echo, at, pointer);
    Ok(())
}

/// Reverses the stops that were passed; the first of them is where the answer goes.
fn source_route(echo: &mut Echo, header: &[u8], option: &[u8], found: &IpOptions) {
    let pointer = pointer_of(option).min(option.len() + 1);
    let passed = option.get(3..pointer.saturating_sub(1)).unwrap_or_default();
    let (_, stops) = passed.as_rchunks::<4>();
    let Some((first, rest)) = stops.split_last() else { return };
    let mut back = [0; MAX_IPOPTLEN];
    let mut len = 3;
    for stop in rest.iter().rev() {
        back[len..len + 4].copy_from_slice(stop);
        len += 4;
    }
    // One more entry is left open for the end of the way, unless the route named the sender itself as
    // its first stop (RFC 1812).
    let sender = header.get(12..16).unwrap_or_default();
    if rest.first().unwrap_or(first) != sender {
        len += 4;
    }
    if len == 3 {
        return;
    }
    back[0] = option.first().copied().unwrap_or(0);
    back[1] = u8::try_from(len).unwrap_or(u8::MAX);
    back[2] = 4;
    echo.found.srr = Some(echo.append(&back[..len]));
    echo.found.faddr = Some(Ipv4Addr::from_octets(*first));
    echo.found.is_strictroute = found.is_strictroute;
}

fn addr(option: &[u8], at: usize) -> Ipv4Addr {
    let bytes = option.get(at..).and_then(<[u8]>::first_chunk::<4>);
    bytes.copied().map_or(Ipv4Addr::UNSPECIFIED, Ipv4Addr::from_octets)
}
