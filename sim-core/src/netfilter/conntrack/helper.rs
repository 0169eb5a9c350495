//! Helpers: what reads the messages of a protocol that announces further connections
//! (`struct nf_conntrack_helper`). Here a helper reads nothing: it only lets its connection live longer.

use crate::family::AddressFamily;
use crate::netfilter::conntrack::tuple::{CtInfo, Dir};
use crate::packet::udp::UDP_HLEN;
use crate::packet::{IpProto, Ipv4, Tcp};

/// A helper of Linux.
#[derive(Debug, Eq, PartialEq)]
pub struct Helper {
    /// Its name.
    pub name: &'static str,
    /// The protocol whose connections it takes.
    proto: IpProto,
    /// Whether it knows IPv6.
    inet6: bool,
    /// The packets that prolong the connection, and for how many seconds.
    prolongs: Option<(Prolongs, u64)>,
}

/// What prolongs a connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Prolongs {
    /// Data.
    Data,
    /// Every answer.
    Answers,
}

impl Helper {
    const fn tcp(name: &'static str) -> Self {
        Self { name, proto: IpProto::TCP, inet6: true, prolongs: None }
    }

    const fn udp(name: &'static str) -> Self {
        Self { name, proto: IpProto::UDP, inet6: true, prolongs: None }
    }

    const fn only_inet(self) -> Self {
        Self { inet6: false, ..self }
    }

    const fn prolonging(self, prolongs: Prolongs, seconds: u64) -> Self {
        Self { prolongs: Some((prolongs, seconds)), ..self }
    }

    /// For how many seconds a connection lives on from a packet with these bytes, from the network header on, if the
    /// helper has a say in that.
    #[must_use]
    pub fn lifetime(&self, info: CtInfo, packet: &[u8]) -> Option<u64> {
        let (prolongs, seconds) = self.prolongs?;
        let has_say = match prolongs {
            Prolongs::Answers => info.dir() == Dir::Reply,
            Prolongs::Data if self.proto == IpProto::TCP => {
                matches!(info, CtInfo::Established | CtInfo::EstablishedReply)
                    && Tcp::parse(Ipv4::parse(packet).ok()?.payload())
                        .is_ok_and(|tcp| !tcp.payload().is_empty())
            }
            Prolongs::Data => Ipv4::parse(packet).ok()?.payload().len() > UDP_HLEN,
        };
        has_say.then_some(seconds)
    }

    /// The one of this name for connections of `proto` (`nf_conntrack_helper_try_module_get()`).
    #[must_use]
    pub fn find(name: &str, family: AddressFamily, proto: IpProto) -> Option<&'static Self> {
        let is_meant = |helper: &&Self| {
            helper.name == name
                && helper.proto == proto
                && (helper.inet6 || family == AddressFamily::Inet)
        };
        HELPERS.iter().find(is_meant)
    }
}

/// In seconds (`sip_timeout`).
const SIP_TIMEOUT: u64 = 3600;

/// All that a kernel has which was built with all of them.
const HELPERS: &[Helper] = &[
    Helper::udp("H.245"),
    Helper::tcp("Q.931"),
    Helper::udp("RAS"),
    Helper::udp("amanda").prolonging(Prolongs::Answers, 300),
    Helper::tcp("ftp"),
    Helper::tcp("irc").only_inet(),
    Helper::udp("netbios-ns").only_inet(),
    Helper::tcp("pptp").only_inet(),
    Helper::tcp("sane"),
    Helper::tcp("sip").prolonging(Prolongs::Data, SIP_TIMEOUT),
    Helper::udp("sip").prolonging(Prolongs::Data, SIP_TIMEOUT),
    Helper::udp("snmp").only_inet(),
    Helper::udp("snmp_trap").only_inet(),
    Helper::udp("tftp"),
];
