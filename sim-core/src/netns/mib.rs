//! The counters of a namespace that `/proc/net/snmp` and `/proc/net/netstat` show.
//!
//! Each is counted where the kernel counts it, under the kernel's name. A namespace that counts
//! nothing has no counters: a group is allocated when its first counter moves.

use std::collections::BTreeMap;

use crate::packet::IcmpType;

/// The items of a group, with their names in `/proc`.
pub trait MibItem: Copy + 'static {
    /// How many there are.
    const COUNT: usize;
    /// All of them, in the order of the kernel's lists.
    const ALL: &'static [Self];
    /// The item's place in the group.
    fn index(self) -> usize;
    /// Its name in `/proc`.
    fn name(self) -> &'static str;
}

/// Declares groups of counters: variant, name in `/proc`, what it counts.
macro_rules! mib_groups {
    ($($(#[$doc:meta])* $group:ident { $($item:ident = $name:literal, $text:literal;)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub enum $group {
            $(#[doc = concat!("`", $name, "`: ", $text, ".")] $item,)*
        }

        impl MibItem for $group {
            const COUNT: usize = Self::ALL.len();
            const ALL: &'static [Self] = &[$(Self::$item,)*];

            #[inline]
            fn index(self) -> usize {
                self as usize
            }

            fn name(self) -> &'static str {
                match self { $(Self::$item => $name,)* }
            }
        }
    )*};
}

mib_groups! {
    /// The lines `Ip:` of `/proc/net/snmp`.
    IpMib {
        InReceives = "InReceives", "packets received";
        InHdrErrors = "InHdrErrors", "malformed headers, wrong options, TTL run out";
        InAddrErrors = "InAddrErrors", "no way to the destination, on a host that does not forward";
        ForwDatagrams = "ForwDatagrams", "packets passed on";
        InUnknownProtos = "InUnknownProtos", "packets of a protocol that nobody handles";
        InDiscards = "InDiscards", "packets dropped for want of memory";
        InDelivers = "InDelivers", "packets handed to their protocol";
        OutRequests = "OutRequests", "packets made here";
        OutDiscards = "OutDiscards", "own packets dropped for want of room";
        OutNoRoutes = "OutNoRoutes", "own packets without a route";
        ReasmTimeout = "ReasmTimeout", "datagrams whose fragments did not all come in time";
        ReasmReqds = "ReasmReqds", "fragments taken for reassembly";
        ReasmOks = "ReasmOKs", "datagrams put together";
        ReasmFails = "ReasmFails", "datagrams that could not be put together";
        FragOks = "FragOKs", "datagrams cut in fragments";
        FragFails = "FragFails", "datagrams that were too big and must not be cut";
        FragCreates = "FragCreates", "fragments made";
        OutTransmits = "OutTransmits", "packets handed to the link layer";
    }

    /// The lines `IpExt:` of `/proc/net/netstat`.
    IpExtMib {
        InNoRoutes = "InNoRoutes", "received packets without a route";
        InTruncatedPkts = "InTruncatedPkts", "packets shorter than their header says";
        InMcastPkts = "InMcastPkts", "multicast packets received";
        OutMcastPkts = "OutMcastPkts", "multicast packets sent";
        InBcastPkts = "InBcastPkts", "broadcast packets received";
        OutBcastPkts = "OutBcastPkts", "broadcast packets sent";
        InOctets = "InOctets", "bytes received";
        OutOctets = "OutOctets", "bytes sent";
        InMcastOctets = "InMcastOctets", "multicast bytes received";
        OutMcastOctets = "OutMcastOctets", "multicast bytes sent";
        InBcastOctets = "InBcastOctets", "broadcast bytes received";
        OutBcastOctets = "OutBcastOctets", "broadcast bytes sent";
        InCsumErrors = "InCsumErrors", "packets with a wrong header checksum";
        InNoEctPkts = "InNoECTPkts", "packets received that are not ECN capable";
        InEct1Pkts = "InECT1Pkts", "packets received with ECT(1)";
        InEct0Pkts = "InECT0Pkts", "packets received with ECT(0)";
        InCePkts = "InCEPkts", "packets received that met congestion";
        ReasmOverlaps = "ReasmOverlaps", "fragments that overlapped others";
    }

    /// The lines `Icmp:` of `/proc/net/snmp`, without those that count one type of message.
    IcmpMib {
        InMsgs = "InMsgs", "messages received";
        InErrors = "InErrors", "messages that made no sense";
        InCsumErrors = "InCsumErrors", "messages with a wrong checksum";
        OutMsgs = "OutMsgs", "messages sent";
        OutErrors = "OutErrors", "messages that could not be sent";
        OutRateLimitGlobal = "OutRateLimitGlobal", "messages not sent because of the host's limit";
        OutRateLimitHost = "OutRateLimitHost", "messages not sent because of the receiver's limit";
    }

    /// The lines `Udp:` and `UdpLite:` of `/proc/net/snmp`.
    UdpMib {
        InDatagrams = "InDatagrams", "datagrams handed to sockets";
        NoPorts = "NoPorts", "datagrams for ports where nobody listens";
        InErrors = "InErrors", "datagrams that could not be delivered";
        OutDatagrams = "OutDatagrams", "datagrams sent";
        RcvbufErrors = "RcvbufErrors", "datagrams for which a receive queue had no room";
        SndbufErrors = "SndbufErrors", "datagrams for which a send queue had no room";
        InCsumErrors = "InCsumErrors", "datagrams with a wrong checksum";
        IgnoredMulti = "IgnoredMulti", "group datagrams that nobody wanted";
        MemErrors = "MemErrors", "datagrams for which there was no memory";
    }

    /// The lines `Tcp:` of `/proc/net/snmp` that count.
    TcpMib {
        ActiveOpens = "ActiveOpens", "connections begun here";
        PassiveOpens = "PassiveOpens", "connections begun elsewhere";
        AttemptFails = "AttemptFails", "connections that did not come about";
        EstabResets = "EstabResets", "connections that were reset";
        CurrEstab = "CurrEstab", "connections there are now";
        InSegs = "InSegs", "segments received";
        OutSegs = "OutSegs", "segments sent";
        RetransSegs = "RetransSegs", "segments sent again";
        InErrs = "InErrs", "segments received that were wrong";
        OutRsts = "OutRsts", "resets sent";
        InCsumErrors = "InCsumErrors", "segments with a wrong checksum";
    }

    /// Those lines `TcpExt:` of `/proc/net/netstat` that are counted here (`LINUX_MIB_*`).
    LinuxMib {
        EmbryonicRsts = "EmbryonicRsts", "connection requests that were reset";
        OutOfWindowIcmps = "OutOfWindowIcmps", "ICMP errors about segments that are not out";
        LockDroppedIcmps = "LockDroppedIcmps", "ICMP errors that came during a system call";
        ArpFilter = "ArpFilter", "ARP requests not answered because of `arp_filter`";
        PawsActiveRejected = "PAWSActive", "answers to a SYN that echo a wrong clock";
        PawsEstabRejected = "PAWSEstab", "segments with a clock that is too old";
        BeyondWindow = "BeyondWindow", "segments that reach beyond the window";
        TsEcrRejected = "TSEcrRejected", "segments for a request that echo a wrong clock";
        PawsOldAck = "PAWSOldAck", "ACKs with an old clock that were overtaken";
        PawsTimeWait = "PAWSTimewait", "segments with an old clock for a connection that has ended";
        DelayedAcks = "DelayedACKs", "ACKs that were sent late";
        DelayedAckLost = "DelayedACKLost", "segments that came again because their ACK was late or lost";
        ListenOverflows = "ListenOverflows", "connections for which an accept queue had no room";
        ListenDrops = "ListenDrops", "SYNs that were dropped";
        RenoRecovery = "TCPRenoRecovery", "losses repaired without SACK";
        SackRecovery = "TCPSackRecovery", "losses repaired with SACK";
        SackReneging = "TCPSACKReneging", "reports that the peer took back";
        DsackUndo = "TCPDSACKUndo", "repairs that turned out to be needless by reports";
        LossUndo = "TCPLossUndo", "timeouts that turned out to be wrong";
        Timeouts = "TCPTimeouts", "timeouts of segments";
        LossProbes = "TCPLossProbes", "loss probes sent";
        LossProbeRecovery = "TCPLossProbeRecovery", "losses that a probe repaired";
        RcvQDrop = "TCPRcvQDrop", "segments for which a receive queue had no room";
        DsackOldSent = "TCPDSACKOldSent", "reports of old data that came again";
        DsackOfoSent = "TCPDSACKOfoSent", "reports of data out of order that came again";
        DsackRecv = "TCPDSACKRecv", "reports of segments that came twice";
        DsackOfoRecv = "TCPDSACKOfoRecv", "reports of segments that came twice out of order";
        AbortOnData = "TCPAbortOnData", "connections reset because data came for nobody";
        AbortOnClose = "TCPAbortOnClose", "connections reset because data were not read";
        AbortOnTimeout = "TCPAbortOnTimeout", "connections given up because nobody answered";
        BacklogDrop = "TCPBacklogDrop", "segments dropped because too many came during a system call";
        ReqQFullDrop = "TCPReqQFullDrop", "SYNs dropped because too many requests waited";
        RetransFail = "TCPRetransFail", "segments that could not be sent again";
        OfoQueue = "TCPOFOQueue", "segments that came out of order";
        OfoDrop = "TCPOFODrop", "segments out of order for which there was no room";
        OfoMerge = "TCPOFOMerge", "segments out of order that were there already";
        ChallengeAck = "TCPChallengeACK", "challenges sent";
        SynChallenge = "TCPSYNChallenge", "challenges sent because of a SYN";
        ZeroWindowDrop = "TCPZeroWindowDrop", "segments that came into a closed window";
        IpReversePathFilter = "IPReversePathFilter", "packets dropped by `rp_filter`";
        WinProbe = "TCPWinProbe", "probes of a closed window sent";
        SynRetrans = "TCPSynRetrans", "SYNs and SYN-ACKs sent again";
        AckSkippedSynRecv = "TCPACKSkippedSynRecv", "answers about requests that would have come too soon";
        AckSkippedChallenge = "TCPACKSkippedChallenge", "challenges that would have come too soon";
        LostRetransmit = "TCPLostRetransmit", "segments that were lost when sent again";
        TimeoutRehash = "TcpTimeoutRehash", "timeouts after which another way was drawn";
        TimeWaited = "TW", "ended connections that were kept for their time";
        TimeWaitKilled = "TWKilled", "ended connections that were kept for a short time";
        OrigDataSent = "TCPOrigDataSent", "segments with new data sent";
    }
}

/// One group of counters.
#[derive(Clone, Debug)]
pub struct Counters<T> {
    values: Box<[u64]>,
    items: std::marker::PhantomData<T>,
}

impl<T> Default for Counters<T> {
    fn default() -> Self {
        Self { values: Box::default(), items: std::marker::PhantomData }
    }
}

impl<T: MibItem> Counters<T> {
    /// Counts one.
    #[inline]
    pub fn inc(&mut self, item: T) {
        self.add(item, 1);
    }

    /// Counts `n`.
    #[inline]
    pub fn add(&mut self, item: T, n: u64) {
        match self.values.get_mut(item.index()) {
            Some(value) => *value = value.wrapping_add(n),
            None => self.begin(item, n),
        }
    }

    /// The first count of a group makes its counters.
    #[cold]
    fn begin(&mut self, item: T, n: u64) {
        self.values = vec![0; T::COUNT].into_boxed_slice();
        self.values[item.index()] = n;
    }

    /// Takes one back, of a counter that is a number of things there are now.
    pub fn dec(&mut self, item: T) {
        self.add(item, u64::MAX);
    }

    /// The value of a counter.
    #[must_use]
    pub fn get(&self, item: T) -> u64 {
        self.values.get(item.index()).copied().unwrap_or(0)
    }

    /// All counters of the group with their names, in the order in which `/proc` lists them.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
        T::ALL.iter().map(|item| (item.name(), self.get(*item)))
    }
}

/// Which way a message goes.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum MessageDirection {
    /// Received.
    In,
    /// Sent.
    Out,
}

/// The types of messages that the lines `Icmp:` count by name, in the order of the file.
const ICMP_NAMES: [(IcmpType, &str); 11] = [
    (IcmpType::DEST_UNREACH, "DestUnreachs"),
    (IcmpType::TIME_EXCEEDED, "TimeExcds"),
    (IcmpType::PARAMETER_PROBLEM, "ParmProbs"),
    (IcmpType::SOURCE_QUENCH, "SrcQuenchs"),
    (IcmpType::REDIRECT, "Redirects"),
    (IcmpType::ECHO, "Echos"),
    (IcmpType::ECHO_REPLY, "EchoReps"),
    (IcmpType::TIMESTAMP, "Timestamps"),
    (IcmpType::TIMESTAMP_REPLY, "TimestampReps"),
    (IcmpType::ADDRESS, "AddrMasks"),
    (IcmpType::ADDRESS_REPLY, "AddrMaskReps"),
];

/// All counters of a namespace (`struct netns_mib`).
#[derive(Clone, Debug, Default)]
pub struct Mib {
    /// `Ip:`.
    pub ip: Counters<IpMib>,
    /// `IpExt:`.
    pub ip_ext: Counters<IpExtMib>,
    /// `Icmp:`.
    pub icmp: Counters<IcmpMib>,
    /// `Udp:`.
    pub udp: Counters<UdpMib>,
    /// `UdpLite:`.
    pub udp_lite: Counters<UdpMib>,
    /// `Tcp:`.
    pub tcp: Counters<TcpMib>,
    /// `TcpExt:`.
    pub linux: Counters<LinuxMib>,
    /// `IcmpMsg:`.
    icmp_msg: BTreeMap<(MessageDirection, u8), u64>,
}

impl Mib {
    /// Counts a packet and its bytes (`IP_UPD_PO_STATS`).
    pub fn ip_bytes(&mut self, packets: IpExtMib, octets: IpExtMib, bytes: usize) {
        self.ip_ext.inc(packets);
        self.ip_ext.add(octets, bytes as u64);
    }

    /// Counts an ICMP message by its type (`ICMPMSGIN_INC_STATS`, `ICMPMSGOUT_INC_STATS`).
    pub fn icmp_msg(&mut self, direction: MessageDirection, icmp_type: IcmpType) {
        *self.icmp_msg.entry((direction, icmp_type.0)).or_insert(0) += 1;
    }

    /// How many messages of a type went that way.
    #[must_use]
    pub fn icmp_msgs(&self, direction: MessageDirection, icmp_type: IcmpType) -> u64 {
        self.icmp_msg.get(&(direction, icmp_type.0)).copied().unwrap_or(0)
    }

    /// Calls `show` with the group's name, the counter's name and its value, in the order of the two
    /// files, for every counter that is kept.
    pub fn for_each(&self, mut show: impl FnMut(&str, &str, u64)) {
        let mut group = |name: &str, counters: &mut dyn Iterator<Item = (&'static str, u64)>| {
            for (item, value) in counters {
                show(name, item, value);
            }
        };
        group("Ip", &mut self.ip.iter());
        group("Icmp", &mut self.icmp.iter());
        group("Udp", &mut self.udp.iter());
        group("UdpLite", &mut self.udp_lite.iter());
        group("Tcp", &mut self.tcp.iter());
        group("TcpExt", &mut self.linux.iter());
        group("IpExt", &mut self.ip_ext.iter());
        for (icmp_type, name) in ICMP_NAMES {
            for (direction, word) in [(MessageDirection::In, "In"), (MessageDirection::Out, "Out")]
            {
                show("Icmp", &format!("{word}{name}"), self.icmp_msgs(direction, icmp_type));
            }
        }
        for ((direction, icmp_type), value) in &self.icmp_msg {
            let word = if *direction == MessageDirection::In { "In" } else { "Out" };
            show("IcmpMsg", &format!("{word}Type{icmp_type}"), *value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_idle_namespace_has_no_counters_allocated() {
        let mut mib = Mib::default();
        assert_eq!(mib.ip.get(IpMib::InReceives), 0);
        assert!(mib.ip.values.is_empty());
        mib.ip.inc(IpMib::InReceives);
        assert_eq!((mib.ip.get(IpMib::InReceives), mib.ip.get(IpMib::InDelivers)), (1, 0));
    }

    #[test]
    fn messages_are_counted_by_type_and_under_their_names() {
        let mut mib = Mib::default();
        mib.icmp_msg(MessageDirection::Out, IcmpType::DEST_UNREACH);
        mib.icmp_msg(MessageDirection::Out, IcmpType::DEST_UNREACH);
        mib.icmp_msg(MessageDirection::In, IcmpType(77));
        let mut seen = Vec::new();
        mib.for_each(|group, item, value| {
            if value != 0 {
                seen.push((group.to_owned(), item.to_owned(), value));
            }
        });
        let want = [
            ("Icmp", "OutDestUnreachs", 2),
            ("IcmpMsg", "InType77", 1),
            ("IcmpMsg", "OutType3", 2),
        ];
        assert_eq!(seen, want.map(|(g, i, v)| (g.to_owned(), i.to_owned(), v)));
    }
}
