//! Which printer a UDP port leads to.

use super::bytes::{Bytes, Cut};
use super::printer::{Printer, put};
use super::text::{SIP_COMMANDS, Text};

/// Which port of a datagram an entry looks at.
#[derive(Clone, Copy, Debug)]
enum Side {
    Either,
    Source,
    Destination,
}

/// The printer that an entry leads to.
#[derive(Clone, Copy, Debug)]
enum App {
    Dns,
    MulticastDns,
    Bfd,
    BroadcomLi,
    Sip,
    Syslog,
    Otv,
    Vxlan,
    Geneve,
    Unmodelled(&'static str),
}

use App::Unmodelled;
use Side::{Destination, Either, Source};

/// The ports that tcpdump knows, in the order in which it asks for them: the first match decides.
const APPS: &[(Side, core::ops::RangeInclusive<u16>, App)] = &[
    (Either, 53..=53, App::Dns),
    (Either, 5353..=5353, App::MulticastDns),
    (Either, 525..=525, Unmodelled("timed")),
    (Either, 69..=69, Unmodelled("TFTP")),
    (Either, 67..=68, Unmodelled("BOOTP/DHCP")),
    (Either, 520..=520, Unmodelled("RIP")),
    (Either, 654..=654, Unmodelled("AODV")),
    (Either, 500..=500, Unmodelled("ISAKMP")),
    (Either, 4500..=4500, Unmodelled("ISAKMP")),
    (Either, 7500..=7500, Unmodelled("ISAKMP")),
    (Either, 8500..=8500, Unmodelled("ISAKMP")),
    (Either, 161..=162, Unmodelled("SNMP")),
    (Either, 123..=123, Unmodelled("NTP")),
    (Either, 88..=88, Unmodelled("Kerberos")),
    (Either, 750..=750, Unmodelled("Kerberos")),
    (Either, 1701..=1701, Unmodelled("L2TP")),
    (Destination, 3456..=3456, Unmodelled("VAT")),
    (Either, 2103..=2104, Unmodelled("Zephyr")),
    (Either, 7000..=7009, Unmodelled("RX")),
    (Either, 521..=521, Unmodelled("RIPng")),
    (Either, 546..=547, Unmodelled("DHCPv6")),
    (Either, 5359..=5359, Unmodelled("AHCP")),
    (Either, 6696..=6697, Unmodelled("Babel")),
    (Either, 8231..=8231, Unmodelled("HNCP")),
    (Destination, 4567..=4567, Unmodelled("whiteboard")),
    (Either, 496..=496, Unmodelled("Cisco Auto-RP")),
    (Either, 1645..=1646, Unmodelled("RADIUS")),
    (Either, 1812..=1813, Unmodelled("RADIUS")),
    (Either, 1700..=1700, Unmodelled("RADIUS")),
    (Either, 3799..=3799, Unmodelled("RADIUS")),
    (Destination, 1985..=1985, Unmodelled("HSRP")),
    (Either, 921..=921, Unmodelled("lwres")),
    (Either, 646..=646, Unmodelled("LDP")),
    (Either, 698..=698, Unmodelled("OLSR")),
    (Either, 3503..=3503, Unmodelled("MPLS LSP ping")),
    (Source, 49152..=49152, App::BroadcomLi),
    (Destination, 3784..=3785, App::Bfd),
    (Destination, 4784..=4784, App::Bfd),
    (Destination, 6784..=6784, App::Bfd),
    (Either, 701..=701, Unmodelled("LMP")),
    (Either, 1589..=1589, Unmodelled("VQP")),
    (Either, 6343..=6343, Unmodelled("sFlow")),
    (Either, 12222..=12223, Unmodelled("LWAPP")),
    (Either, 5060..=5060, App::Sip),
    (Either, 514..=514, App::Syslog),
    (Either, 8472..=8472, App::Otv),
    (Either, 4789..=4789, App::Vxlan),
    (Either, 6081..=6081, App::Geneve),
    (Either, 4342..=4342, Unmodelled("LISP")),
    (Either, 4790..=4790, Unmodelled("VXLAN-GPE")),
    (Either, 17754..=17754, Unmodelled("ZEP")),
    (Either, 6635..=6635, Unmodelled("MPLS")),
];

/// The ports asked for after the AppleTalk ones.
const LATE_APPS: &[(core::ops::RangeInclusive<u16>, &str)] =
    &[(319..=320, "PTP"), (30490..=30490, "SOME/IP")];

impl Printer<'_> {
    /// Prints data by the ports that carry them; returns whether a port was known.
    pub(super) fn udp_app(
        &mut self,
        data: Bytes<'_>,
        length: usize,
        ports: (u16, u16),
    ) -> Result<bool, Cut> {
        let (sport, dport) = ports;
        if (dport == 2049 && data.u32(4) == Ok(0)) || (sport == 2049 && data.u32(4) == Ok(1)) {
            self.unmodelled("NFS");
            return Ok(true);
        }
        let known = APPS.iter().find(|(side, range, _)| match side {
            Either => range.contains(&sport) || range.contains(&dport),
            Source => range.contains(&sport),
            Destination => range.contains(&dport),
        });
        match known.map(|(.., app)| *app) {
            Some(Unmodelled(name)) => self.udp_unmodelled(length, name),
            Some(app) => self.udp_known(app, data, length, dport)?,
            None if is_appletalk(data, ports) => self.udp_unmodelled(length, "AppleTalk"),
            None => {
                let late = LATE_APPS
                    .iter()
                    .find(|(range, _)| range.contains(&sport) || range.contains(&dport));
                match late {
                    Some((_, name)) => self.udp_unmodelled(length, name),
                    None => return Ok(false),
                }
            }
        }
        Ok(true)
    }

    fn udp_unmodelled(&mut self, length: usize, name: &'static str) {
        put!(self, "UDP, length {length}");
        self.unmodelled(name);
    }

    fn udp_known(
        &mut self,
        app: App,
        data: Bytes<'_>,
        length: usize,
        dport: u16,
    ) -> Result<(), Cut> {
        match app {
            App::Dns => self.dns(data, length, false),
            App::MulticastDns => self.dns(data, length, true),
            App::Bfd => self.bfd(data, length, dport),
            App::BroadcomLi => self.bcm_li(data, length),
            App::Sip => {
                let sip = Text { protocol: "sip", commands: Some(SIP_COMMANDS) };
                self.text(data, length, &sip)
            }
            App::Syslog => self.syslog(data, length),
            App::Otv => self.otv(data, length),
            App::Vxlan => self.vxlan(data, length),
            App::Geneve => self.geneve(data, length),
            Unmodelled(name) => {
                self.unmodelled(name);
                Ok(())
            }
        }
    }
}

/// Returns whether data look like AppleTalk in UDP: a type byte of 2 on one of its port ranges.
fn is_appletalk(data: Bytes<'_>, (sport, dport): (u16, u16)) -> bool {
    let known = |port: u16| matches!(port, 16512..=16639 | 200..=327 | 768..=895);
    data.u8(2) == Ok(2) && (known(sport) || known(dport))
}
