//! BFD (RFC 5880), which is what tcpdump takes the port of Weave's fast datapath for.

use super::bytes::{Bytes, Cut};
use super::printer::{Printed, Printer, find, put};

/// Length of a control packet without authentication, in bytes.
const CONTROL_LEN: usize = 24;
/// The port of echo packets.
const ECHO_PORT: u16 = 3785;

const PORTS: &[(u16, &str)] = &[(3784, "Control"), (4784, "Multihop"), (6784, "Lag")];

const FLAGS_V0: &[(u32, &str)] = &[
    (0x80, "I Hear You"),
    (0x40, "Demand"),
    (0x20, "Poll"),
    (0x10, "Final"),
    (0x08, "Control Plane Independent"),
    (0x04, "Authentication Present"),
    (0x02, "Reserved"),
    (0x01, "Reserved"),
];

const FLAGS_V1: &[(u32, &str)] = &[
    (0x20, "Poll"),
    (0x10, "Final"),
    (0x08, "Control Plane Independent"),
    (0x04, "Authentication Present"),
    (0x02, "Demand"),
    (0x01, "Multipoint"),
];

const STATES: [&str; 4] = ["AdminDown", "Down", "Init", "Up"];

const DIAGNOSTICS: &[(u8, &str)] = &[
    (0, "No Diagnostic"),
    (1, "Control Detection Time Expired"),
    (2, "Echo Function Failed"),
    (3, "Neighbor Signaled Session Down"),
    (4, "Forwarding Plane Reset"),
    (5, "Path Down"),
    (6, "Concatenated Path Down"),
    (7, "Administratively Down"),
    (8, "Reverse Concatenated Path Down"),
];

const AUTHENTICATIONS: &[(u8, &str)] = &[
    (1, "Simple Password"),
    (2, "Keyed MD5"),
    (3, "Meticulous Keyed MD5"),
    (4, "Keyed SHA1"),
    (5, "Meticulous Keyed SHA1"),
];

impl Printer<'_> {
    /// Prints a BFD packet.
    pub(super) fn bfd(&mut self, data: Bytes<'_>, length: usize, dport: u16) -> Printed {
        self.protocol = "bfd";
        if dport == ECHO_PORT {
            put!(self, "BFD, Echo, length: {length}");
            if self.options.verbose > 0 {
                self.unknown_data(data, "\n\t", length);
            }
            return Ok(());
        }
        data.need(0, CONTROL_LEN)?;
        let (first, flags) = (data.u8(0)?, data.u8(1)?);
        let version = first >> 5;
        if version > 1 {
            put!(self, "BFDv{version}, Control, length: {length}");
            if self.options.verbose > 0 {
                self.unknown_data(data, "\n\t", length);
            }
            return Ok(());
        }
        let verbose = self.options.verbose > 0;
        put!(self, "BFDv{version}, ");
        if verbose {
            put!(self, "length: {length}\n\t");
        }
        self.bfd_state(version, flags, dport);
        if !verbose {
            put!(self, ", length: {length}");
            return Ok(());
        }
        let diagnostic = first & 0x1f;
        let name = find(DIAGNOSTICS, &diagnostic).unwrap_or("unknown");
        put!(self, ", Diagnostic: {name} (0x{diagnostic:02x})");
        self.bfd_timers(data)?;
        if flags & 0x04 != 0 {
            self.bfd_authentication(data)?;
        }
        Ok(())
    }

    fn bfd_state(&mut self, version: u8, flags: u8, dport: u16) {
        if version == 0 {
            put!(self, "Control, Flags: [");
            self.bits(FLAGS_V0, u32::from(flags), ", ", "none");
        } else {
            let port = find(PORTS, &dport).unwrap_or_default();
            let state = STATES.get(usize::from(flags >> 6)).copied().unwrap_or_default();
            put!(self, "{port}, State {state}, Flags: [");
            self.bits(FLAGS_V1, u32::from(flags & 0x3f), ", ", "none");
        }
        put!(self, "]");
    }

    fn bfd_timers(&mut self, data: Bytes<'_>) -> Printed {
        let (multiplier, transmit) = (data.u8(2)?, data.u32(12)?);
        let detection = u32::from(multiplier).wrapping_mul(transmit) / 1000;
        put!(self, "\n\tDetection Timer Multiplier: {multiplier} ({detection} ms Detection time)");
        put!(self, ", BFD Length: {}", data.u8(3)?);
        put!(self, "\n\tMy Discriminator: 0x{:08x}", data.u32(4)?);
        put!(self, ", Your Discriminator: 0x{:08x}", data.u32(8)?);
        put!(self, "\n\t  Desired min Tx Interval:    {:4} ms", transmit / 1000);
        put!(self, "\n\t  Required min Rx Interval:   {:4} ms", data.u32(16)? / 1000);
        put!(self, "\n\t  Required min Echo Interval: {:4} ms", data.u32(20)? / 1000);
        Ok(())
    }

    fn bfd_authentication(&mut self, data: Bytes<'_>) -> Result<(), Cut> {
        let auth = data.from(CONTROL_LEN);
        auth.need(0, 4)?;
        let (kind, len) = (auth.u8(0)?, auth.u8(1)?);
        let name = find(AUTHENTICATIONS, &kind).unwrap_or("Unknown");
        put!(self, "\n\tAuthentication: {name} ({kind}), length: {len}");
        put!(self, "\n\t  Auth Key ID: {}", auth.u8(2)?);
        let (wanted, what, size) = match kind {
            1 => (4..=19, "Password", usize::from(len).saturating_sub(3)),
            2 | 3 => (24..=24, "Digest", 16),
            4 | 5 => (28..=28, "Hash", 20),
            _ => return Ok(()),
        };
        if !wanted.contains(&len) {
            put!(self, "[invalid length {len}]");
            return Ok(());
        }
        if kind == 1 {
            put!(self, ", Password: ");
            return self.visible_all(auth.from(3), size);
        }
        put!(self, ", Sequence Number: 0x{:08x}", auth.u32(4)?);
        auth.need(8, size)?;
        put!(self, "\n\t  {what}: ");
        self.hex_field(auth, 8, size)
    }
}
