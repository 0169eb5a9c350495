//! Spanning tree BPDUs (IEEE 802.1D, 802.1w).

use super::bytes::{Bytes, Cut};
use super::printer::{Printed, Printer, find, put};

/// Length of a configuration BPDU in bytes.
const CONFIG_LEN: usize = 35;
/// Length of a rapid BPDU in bytes: one more for the empty version 1 part.
const RAPID_LEN: usize = 36;
/// Length of the shortest BPDU of multiple spanning trees, in bytes.
const MSTP_LEN: usize = 102;

const VERSIONS: &[(u8, &str)] = &[(0, "802.1d"), (2, "802.1w"), (3, "802.1s"), (4, "802.1aq")];

const FLAGS: &[(u32, &str)] = &[
    (0x01, "Topology change"),
    (0x02, "Proposal"),
    (0x10, "Learn"),
    (0x20, "Forward"),
    (0x40, "Agreement"),
    (0x80, "Topology change ACK"),
];

impl Printer<'_> {
    /// Prints a BPDU.
    pub(super) fn stp(&mut self, bytes: Bytes<'_>, length: usize) -> Printed {
        self.protocol = "stp";
        if length < 4 {
            self.invalid();
            return Ok(());
        }
        if bytes.u16(0)? != 0 {
            put!(self, "unknown STP version, length {length}");
            return Ok(());
        }
        let version = bytes.u8(2)?;
        let Some(name) = find(VERSIONS, &version) else {
            put!(self, "STP Unknown STP protocol (0x{version:02x})");
            return Ok(());
        };
        put!(self, "STP {name}");
        let kind = bytes.u8(3)?;
        match kind {
            0x00 => put!(self, ", Config"),
            0x02 => put!(self, ", Rapid STP"),
            0x80 => put!(self, ", Topology Change"),
            _ => put!(self, ", Unknown BPDU Type (0x{kind:02x})"),
        }
        match (kind, version) {
            (0x00, _) if length < CONFIG_LEN => self.invalid(),
            (0x02, 2) if length < RAPID_LEN => self.invalid(),
            (0x00, _) | (0x02, 2) => self.stp_config(bytes, length)?,
            (0x02, 3 | 4) => self.stp_multiple(bytes, length, version)?,
            _ => {}
        }
        Ok(())
    }

    fn stp_config(&mut self, bytes: Bytes<'_>, length: usize) -> Printed {
        let flags = bytes.u8(4)?;
        put!(self, ", Flags [");
        self.bits(FLAGS, u32::from(flags), ", ", "none");
        put!(self, "]");
        let bridge = BridgeId::read(bytes, 17)?;
        put!(self, ", bridge-id {bridge}.{:04x}, length {length}", bytes.u16(25)?);
        if self.options.verbose == 0 {
            return Ok(());
        }
        self.stp_times(bytes)?;
        let (root, cost) = (BridgeId::read(bytes, 5)?, bytes.u32(13)?);
        put!(self, "\n\troot-id {root}, root-pathcost {cost}");
        if bytes.u8(2)? == 2 {
            let roles = ["Unknown", "Alternate", "Root", "Designated"];
            let role = roles.get(usize::from(flags >> 2 & 3)).copied().unwrap_or_default();
            put!(self, ", port-role {role}");
        }
        Ok(())
    }

    /// Prints the timers, which count in 1/256 second.
    fn stp_times(&mut self, bytes: Bytes<'_>) -> Printed {
        bytes.need(27, 8)?;
        let mut sep = "\n\t";
        for (name, at) in
            [("message-age", 27), ("max-age", 29), ("hello-time", 31), ("forwarding-delay", 33)]
        {
            let hundredths = hundredths(bytes.u16(at)?);
            let (whole, part) = (hundredths / 100, hundredths % 100);
            put!(self, "{sep}{name} {whole}.{part:02}s");
            sep = ", ";
        }
        Ok(())
    }

    /// Prints the flags of a BPDU of multiple spanning trees; the rest is verbose.
    fn stp_multiple(&mut self, bytes: Bytes<'_>, length: usize, version: u8) -> Printed {
        if length < MSTP_LEN || bytes.u8(35)? != 0 {
            self.invalid();
            return Ok(());
        }
        let trees_len = usize::from(bytes.u16(36)?) + 2;
        if length < RAPID_LEN + trees_len {
            self.invalid();
            return Ok(());
        }
        let flags = bytes.u8(4)?;
        put!(self, ", CIST Flags [");
        self.bits(FLAGS, u32::from(flags), ", ", "none");
        put!(self, "], length {length}");
        if self.options.verbose > 0 {
            self.unmodelled("verbose MSTP");
        } else if version == 4 {
            let bridging_len = usize::from(bytes.u16(36 + trees_len)?) + 2;
            if length < RAPID_LEN + trees_len + bridging_len || bridging_len < 87 {
                self.invalid();
            }
        }
        Ok(())
    }
}

/// A bridge identifier: priority and address.
struct BridgeId([u8; 8]);

impl BridgeId {
    fn read(bytes: Bytes<'_>, at: usize) -> Result<Self, Cut> {
        bytes.array(at).map(Self)
    }
}

impl core::fmt::Display for BridgeId {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let [p, q, a, b, c, d, e, g] = self.0;
        write!(f, "{p:02x}{q:02x}.{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

/// Returns 1/256 seconds in hundredths, rounded as `printf` rounds: half to even.
fn hundredths(ticks: u16) -> u32 {
    let scaled = u32::from(ticks) * 25;
    let (whole, rest) = (scaled / 64, scaled % 64);
    whole + u32::from(rest > 32 || (rest == 32 && whole % 2 == 1))
}
