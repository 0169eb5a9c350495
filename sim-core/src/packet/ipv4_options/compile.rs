//! Judging options on input and on a socket: `__ip_options_compile()`.

use core::net::Ipv4Addr;

use thiserror::Error;

use super::{
    IPOPT_CIPSO, IPOPT_END, IPOPT_LSRR, IPOPT_NOOP, IPOPT_RA, IPOPT_RR, IPOPT_SSRR,
    IPOPT_TIMESTAMP, IPOPT_TS_PRESPEC, IPOPT_TS_TSANDADDR, IPOPT_TS_TSONLY,
};
use crate::packet::ipv4::IPV4_HLEN;

/// What Linux keeps of a header's options (`struct ip_options`).
///
/// Offsets count from the start of the IP header, as in Linux, so none is 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IpOptions {
    /// Bytes of options.
    pub optlen: u8,
    /// The first hop of a source route that a socket set.
    pub faddr: Option<Ipv4Addr>,
    /// Where a source route is.
    pub srr: Option<u8>,
    /// The source route is strict.
    pub is_strictroute: bool,
    /// Where a record route is.
    pub rr: Option<u8>,
    /// Output has to record its address.
    pub rr_needaddr: bool,
    /// Where a timestamp option is.
    pub ts: Option<u8>,
    /// A time has to be recorded.
    pub ts_needtime: bool,
    /// Output has to record its address beside the time.
    pub ts_needaddr: bool,
    /// Where a router alert is.
    pub router_alert: Option<u8>,
    /// Where a CIPSO option is.
    pub cipso: Option<u8>,
    /// The options were written to: the header checksum has to be made anew.
    pub is_changed: bool,
}

/// What the host knows that options are compared with and completed from.
pub trait OptionsHost {
    /// Returns the address that a reply to the packet would come from (`fib_compute_spec_dst()`).
    fn spec_dst(&mut self) -> Ipv4Addr;
    /// Returns whether an address is unicast and another host's (`inet_addr_type() == RTN_UNICAST`).
    fn is_foreign_unicast(&mut self, addr: Ipv4Addr) -> bool;
    /// Returns milliseconds since midnight UTC (`inet_current_timestamp()`).
    fn timestamp_ms(&mut self) -> u32;
}

/// Whose options are judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OptionsOrigin {
    /// Those of a received packet: entries are filled in.
    Packet,
    /// Those that a program sets on a socket (`IP_OPTIONS`): output fills the entries later.
    Socket {
        /// The program may send what it likes (`CAP_NET_RAW`).
        net_raw: bool,
    },
}

/// Options that cannot be: the ICMP parameter problem to send, or `EINVAL` to a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("IPv4 options are wrong at byte {pointer} of the header")]
pub struct ParameterProblem {
    /// The wrong byte, counted from the start of the IP header.
    pub pointer: u8,
}

/// Judges the option bytes of a header and fills in what input fills in.
///
/// # Errors
/// The byte that `__ip_options_compile()` would point at.
pub fn compile(
    options: &mut [u8],
    origin: OptionsOrigin,
    host: &mut dyn OptionsHost,
) -> Result<IpOptions, ParameterProblem> {
    let mut found = IpOptions::default();
    compile_into(&mut found, options, origin, host).map(|()| found)
}

/// Does the same, and tells in `found` what was found before the first wrong byte: the ICMP error
/// about it carries these options.
///
/// # Errors
/// The byte that `__ip_options_compile()` would point at.
pub fn compile_into(
    found: &mut IpOptions,
    options: &mut [u8],
    origin: OptionsOrigin,
    host: &mut dyn OptionsHost,
) -> Result<(), ParameterProblem> {
    let optlen = u8::try_from(options.len()).unwrap_or(u8::MAX);
    *found = IpOptions { optlen, ..IpOptions::default() };
    let mut compiler = Compiler { options, origin, host, found };
    let mut at = 0;
    while let Some(kind) = compiler.options.get(at).copied() {
        at += match kind {
            IPOPT_END => compiler.end(at),
            IPOPT_NOOP => 1,
            _ => compiler.option(at, kind)?,
        };
    }
    Ok(())
}

type Step = Result<(), ParameterProblem>;

struct Compiler<'a, 'b> {
    options: &'a mut [u8],
    origin: OptionsOrigin,
    host: &'b mut dyn OptionsHost,
    found: &'a mut IpOptions,
}

impl Compiler<'_, '_> {
    /// Blanks what follows the end of the list and returns how much that was.
    fn end(&mut self, at: usize) -> usize {
        let rest = self.options.get_mut(at..).unwrap_or_default();
        if rest.iter().any(|byte| *byte != IPOPT_END) {
            rest.fill(IPOPT_END);
            self.found.is_changed = true;
        }
        rest.len()
    }

    fn option(&mut self, at: usize, kind: u8) -> Result<usize, ParameterProblem> {
        let left = self.options.len() - at;
        let len = usize::from(self.byte(at, 1));
        if left < 2 || len < 2 || len > left {
            return Err(problem(at));
        }
        match kind {
            IPOPT_SSRR | IPOPT_LSRR => self.source_route(at, len, kind == IPOPT_SSRR)?,
            IPOPT_RR => self.record_route(at, len)?,
            IPOPT_TIMESTAMP => self.timestamp(at, len)?,
            IPOPT_RA => self.router_alert(at, len)?,
            IPOPT_CIPSO => {
                if self.is_unprivileged_socket() || self.found.cipso.is_some() {
                    return Err(problem(at));
                }
                self.found.cipso = Some(header_offset(at));
            }
            _ if self.is_unprivileged_socket() => return Err(problem(at)),
            _ => {}
        }
        Ok(len)
    }

    fn source_route(&mut self, at: usize, len: usize, strict: bool) -> Step {
        if len < 3 {
            return Err(problem(at + 1));
        }
        if self.byte(at, 2) < 4 {
            return Err(problem(at + 2));
        }
        if self.found.srr.is_some() {
            return Err(problem(at));
        }
        if !self.is_packet() {
            if self.byte(at, 2) != 4 || len < 7 || !(len - 3).is_multiple_of(4) {
                return Err(problem(at + 1));
            }
            self.found.faddr = Some(self.addr(at + 3));
            self.options.copy_within(at + 7..at + len, at + 3);
        }
        self.found.is_strictroute = strict;
        self.found.srr = Some(header_offset(at));
        Ok(())
    }

    fn record_route(&mut self, at: usize, len: usize) -> Step {
        if self.found.rr.is_some() {
            return Err(problem(at));
        }
        if len < 3 {
            return Err(problem(at + 1));
        }
        let pointer = usize::from(self.byte(at, 2));
        if pointer < 4 {
            return Err(problem(at + 2));
        }
        if pointer <= len {
            if pointer + 3 > len {
                return Err(problem(at + 2));
            }
            if self.is_packet() {
                let addr = self.host.spec_dst();
                self.write(at + pointer - 1, &addr.octets());
            }
            self.advance(at, 4);
            self.found.rr_needaddr = true;
        }
        self.found.rr = Some(header_offset(at));
        Ok(())
    }

    fn timestamp(&mut self, at: usize, len: usize) -> Step {
        if self.found.ts.is_some() {
            return Err(problem(at));
        }
        if len < 4 {
            return Err(problem(at + 1));
        }
        let pointer = usize::from(self.byte(at, 2));
        if pointer < 5 {
            return Err(problem(at + 2));
        }
        let flags = self.byte(at, 3);
        if pointer <= len {
            if pointer + 3 > len {
                return Err(problem(at + 2));
            }
            self.timestamp_entry(at, len, pointer, flags & 0x0f)?;
        } else if flags & 0x0f != IPOPT_TS_PRESPEC {
            if flags >> 4 == 15 {
                return Err(problem(at + 3));
            }
            if self.is_packet() {
                self.write(at + 3, &[flags + 0x10]);
            }
        }
        self.found.ts = Some(header_offset(at));
        Ok(())
    }

    /// Fills the next timestamp entry: its address, its time, or nothing if it is another host's.
    fn timestamp_entry(&mut self, at: usize, len: usize, pointer: usize, mode: u8) -> Step {
        let entry = at + pointer - 1;
        match mode {
            IPOPT_TS_TSONLY => {
                self.write_time(entry);
                self.found.ts_needtime = true;
                self.advance(at, 4);
            }
            IPOPT_TS_TSANDADDR | IPOPT_TS_PRESPEC => {
                if pointer + 7 > len {
                    return Err(problem(at + 2));
                }
                let named = self.addr(entry);
                if mode == IPOPT_TS_PRESPEC && self.host.is_foreign_unicast(named) {
                    return Ok(());
                }
                if mode == IPOPT_TS_TSANDADDR && self.is_packet() {
                    let addr = self.host.spec_dst();
                    self.write(entry, &addr.octets());
                }
                self.write_time(entry + 4);
                self.found.ts_needaddr |= mode == IPOPT_TS_TSANDADDR;
                self.found.ts_needtime = true;
                self.advance(at, 8);
            }
            _ if self.is_unprivileged_socket() => return Err(problem(at + 3)),
            _ => {}
        }
        Ok(())
    }

    fn router_alert(&mut self, at: usize, len: usize) -> Step {
        if len < 4 {
            return Err(problem(at + 1));
        }
        if self.byte(at, 2) == 0 && self.byte(at, 3) == 0 {
            self.found.router_alert = Some(header_offset(at));
        }
        Ok(())
    }

    fn is_packet(&self) -> bool {
        self.origin == OptionsOrigin::Packet
    }

    fn is_unprivileged_socket(&self) -> bool {
        matches!(self.origin, OptionsOrigin::Socket { net_raw: false })
    }

    fn byte(&self, at: usize, offset: usize) -> u8 {
        self.options.get(at + offset).copied().unwrap_or_default()
    }

    fn addr(&self, at: usize) -> Ipv4Addr {
        let bytes = self.options.get(at..).and_then(<[u8]>::first_chunk::<4>);
        bytes.copied().map_or(Ipv4Addr::UNSPECIFIED, Ipv4Addr::from_octets)
    }

    fn advance(&mut self, at: usize, by: u8) {
        if let Some(pointer) = self.options.get_mut(at + 2) {
            *pointer = pointer.wrapping_add(by);
        }
    }

    /// Writes milliseconds since midnight, on input only.
    fn write_time(&mut self, at: usize) {
        if self.is_packet() {
            let time = self.host.timestamp_ms();
            self.write(at, &time.to_be_bytes());
        }
    }

    fn write(&mut self, at: usize, bytes: &[u8]) {
        if let Some(to) = self.options.get_mut(at..at + bytes.len()) {
            to.copy_from_slice(bytes);
            self.found.is_changed = true;
        }
    }
}

/// Returns an offset in the options as one in the header.
fn header_offset(at: usize) -> u8 {
    u8::try_from(IPV4_HLEN + at).unwrap_or(u8::MAX)
}

fn problem(at: usize) -> ParameterProblem {
    ParameterProblem { pointer: header_offset(at) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::ipv4_options::{IPOPT_SEC, MAX_IPOPTLEN};

    struct Host;

    impl OptionsHost for Host {
        fn spec_dst(&mut self) -> Ipv4Addr {
            Ipv4Addr::new(10, 0, 0, 1)
        }

        fn is_foreign_unicast(&mut self, addr: Ipv4Addr) -> bool {
            addr != Ipv4Addr::new(10, 0, 0, 1)
        }

        fn timestamp_ms(&mut self) -> u32 {
            0x0102_0304
        }
    }

    fn received(options: &mut [u8]) -> Result<IpOptions, u8> {
        compile(options, OptionsOrigin::Packet, &mut Host).map_err(|problem| problem.pointer)
    }

    #[test]
    fn a_record_route_gets_the_address_and_a_full_one_stays() {
        let mut bytes = [1, 7, 7, 4, 0, 0, 0, 0];
        let found = received(&mut bytes).expect("right");
        assert_eq!(bytes, [1, 7, 7, 8, 10, 0, 0, 1]);
        assert_eq!((found.rr, found.rr_needaddr, found.is_changed), (Some(21), true, true));
        let found = received(&mut bytes).expect("full");
        assert_eq!(bytes, [1, 7, 7, 8, 10, 0, 0, 1]);
        assert_eq!((found.rr, found.rr_needaddr, found.is_changed), (Some(21), false, false));
    }

    #[test]
    fn timestamps_are_filled_by_their_mode() {
        let mut bytes = [68, 8, 5, 0, 0, 0, 0, 0];
        assert!(received(&mut bytes).expect("right").ts_needtime);
        assert_eq!(bytes, [68, 8, 9, 0, 1, 2, 3, 4]);
        let mut bytes = [68, 12, 5, 1, 0, 0, 0, 0, 0, 0, 0, 0];
        assert!(received(&mut bytes).expect("right").ts_needaddr);
        assert_eq!(bytes, [68, 12, 13, 1, 10, 0, 0, 1, 1, 2, 3, 4]);
        let mut bytes = [68, 12, 5, 3, 10, 0, 0, 1, 0, 0, 0, 0];
        assert!(!received(&mut bytes).expect("right").ts_needaddr);
        assert_eq!(bytes, [68, 12, 13, 3, 10, 0, 0, 1, 1, 2, 3, 4]);
        let mut bytes = [68, 12, 5, 3, 10, 0, 0, 9, 0, 0, 0, 0];
        assert!(!received(&mut bytes).expect("another's").is_changed);
        assert_eq!(bytes, [68, 12, 5, 3, 10, 0, 0, 9, 0, 0, 0, 0]);
    }

    #[test]
    fn a_full_timestamp_option_counts_the_hosts_that_had_no_room() {
        let mut bytes = [68, 8, 9, 0xe0, 0, 0, 0, 0];
        assert!(received(&mut bytes).expect("right").is_changed);
        assert_eq!(bytes[3], 0xf0);
        assert_eq!(received(&mut bytes), Err(23));
    }

    #[test]
    fn what_follows_the_end_of_the_list_is_blanked() {
        let mut bytes = [0, 1, 2, 3];
        assert!(received(&mut bytes).expect("right").is_changed);
        assert_eq!(bytes, [0; 4]);
        assert!(!received(&mut bytes).expect("right").is_changed);
    }

    #[test]
    fn wrong_options_are_pointed_at() {
        let cases: [(&[u8], u8); 14] = [
            (&[1, 1, 1, 7], 23),
            (&[7, 1, 0, 0], 20),
            (&[7, 9, 4, 0, 0, 0, 0, 0], 20),
            (&[7, 2, 1, 1], 21),
            (&[7, 7, 3, 0, 0, 0, 0, 0], 22),
            (&[7, 7, 5, 0, 0, 0, 0, 0], 22),
            (&[7, 3, 9, 7, 3, 9, 0, 0], 23),
            (&[131, 3, 3, 0], 22),
            (&[131, 3, 4, 137, 3, 4, 0, 0], 23),
            (&[131, 2, 1, 1], 21),
            (&[68, 3, 5, 0], 21),
            (&[68, 4, 4, 0], 22),
            (&[68, 8, 5, 1, 0, 0, 0, 0], 22),
            (&[148, 3, 0, 0], 21),
        ];
        for (bytes, pointer) in cases {
            assert_eq!(received(&mut bytes.to_vec()), Err(pointer), "{bytes:?}");
        }
    }

    #[test]
    fn a_socket_loses_the_first_hop_of_its_source_route_to_the_destination() {
        let mut bytes = [131, 11, 4, 10, 0, 0, 8, 10, 0, 0, 9, 0];
        let socket = OptionsOrigin::Socket { net_raw: false };
        let found = compile(&mut bytes, socket, &mut Host).expect("right");
        assert_eq!(found.faddr, Some(Ipv4Addr::new(10, 0, 0, 8)));
        assert_eq!(bytes[..7], [131, 11, 4, 10, 0, 0, 9]);
    }

    #[test]
    fn a_socket_without_net_raw_may_not_send_what_linux_does_not_know() {
        let mut bytes = [IPOPT_SEC, 3, 0, 0];
        let refused = compile(&mut bytes, OptionsOrigin::Socket { net_raw: false }, &mut Host);
        assert_eq!(refused, Err(ParameterProblem { pointer: 20 }));
        let taken = compile(&mut bytes, OptionsOrigin::Socket { net_raw: true }, &mut Host);
        assert_eq!(taken.map(|found| found.optlen), Ok(4));
        assert!(received(&mut bytes).is_ok());
    }

    proptest::proptest! {
        #[test]
        fn any_options_are_judged_without_a_panic(
            mut bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..=MAX_IPOPTLEN),
            net_raw: bool,
        ) {
            let _ = received(&mut bytes.clone());
            let socket = OptionsOrigin::Socket { net_raw };
            let _ = compile(&mut bytes, socket, &mut Host);
        }
    }
}
