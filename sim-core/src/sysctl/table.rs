//! The settings of a namespace that belong to no device: every name with its default and what may be
//! written, as observed on Linux 6.18 in a fresh namespace.

use crate::sysctl::value::Kind::{
    AtLeast, AtMost, Bool, Congestion, FastopenKey, GroupRange, Int, Logger, Millis, PortList,
    PortRange, PortStart, ReadOnly, Shared, Sizes, Trigger,
};
use crate::sysctl::value::{ANY, BYTE, COUNT, FLAG, Fallback, Kind, MAX, SECONDS, WORD};
use Fallback::{Many, One, Text};

/// One file under `/proc/sys`.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Its path below `/proc/sys`.
    pub path: &'static str,
    /// What may be written to it.
    pub kind: Kind,
    /// What it holds in a fresh namespace.
    pub default: Fallback,
}

/// Declares the settings: name in the code, path, kind, default. Rows are sorted by path.
macro_rules! sysctls {
    ($($name:ident = $path:literal, $kind:expr, $default:expr;)*) => {
        /// A setting of a namespace.
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub enum Sysctl {
            $(#[doc = concat!("`", $path, "`")] $name,)*
        }

        impl Sysctl {
            /// All settings.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Its file.
            #[must_use]
            pub fn row(self) -> &'static Row {
                &ROWS[self as usize]
            }
        }

        static ROWS: &[Row] = &[$(Row { path: $path, kind: $kind, default: $default },)*];
    };
}

impl Sysctl {
    /// The setting with this path below `/proc/sys`.
    #[must_use]
    pub fn find(path: &str) -> Option<Self> {
        let at = ROWS.binary_search_by(|row| super::order(row.path, path)).ok()?;
        Some(Self::ALL[at])
    }
}

sysctls! {
    BridgeNfCallArptables = "net/bridge/bridge-nf-call-arptables", Bool, One(1);
    BridgeNfCallIp6tables = "net/bridge/bridge-nf-call-ip6tables", Bool, One(1);
    BridgeNfCallIptables = "net/bridge/bridge-nf-call-iptables", Bool, One(1);
    BridgeNfFilterPppoeTagged = "net/bridge/bridge-nf-filter-pppoe-tagged", Bool, One(0);
    BridgeNfFilterVlanTagged = "net/bridge/bridge-nf-filter-vlan-tagged", Bool, One(0);
    BridgeNfPassVlanInputDev = "net/bridge/bridge-nf-pass-vlan-input-dev", Bool, One(0);
    CoreOptmemMax = "net/core/optmem_max", COUNT, One(131_072);
    CoreRmemDefault = "net/core/rmem_default", ReadOnly, One(212_992);
    CoreRmemMax = "net/core/rmem_max", ReadOnly, One(4_194_304);
    CoreRpsDefaultMask = "net/core/rps_default_mask", Int(0, 1), One(0);
    CoreSomaxconn = "net/core/somaxconn", COUNT, One(4096);
    CoreTstampAllowData = "net/core/tstamp_allow_data", FLAG, One(1);
    CoreTxrehash = "net/core/txrehash", FLAG, One(1);
    CoreWmemDefault = "net/core/wmem_default", ReadOnly, One(212_992);
    CoreWmemMax = "net/core/wmem_max", ReadOnly, One(4_194_304);
    CoreXfrmAcqExpires = "net/core/xfrm_acq_expires", ANY, One(30);
    CoreXfrmAeventEtime = "net/core/xfrm_aevent_etime", WORD, One(10);
    CoreXfrmAeventRseqth = "net/core/xfrm_aevent_rseqth", WORD, One(2);
    CoreXfrmLarvalDrop = "net/core/xfrm_larval_drop", ANY, One(1);
    FibMultipathHashFields = "net/ipv4/fib_multipath_hash_fields", Int(1, 4095), One(7);
    FibMultipathHashPolicy = "net/ipv4/fib_multipath_hash_policy", Int(0, 3), One(0);
    FibMultipathHashSeed = "net/ipv4/fib_multipath_hash_seed", WORD, One(0);
    FibMultipathUseNeigh = "net/ipv4/fib_multipath_use_neigh", FLAG, One(0);
    FibNotifyOnFlagChange = "net/ipv4/fib_notify_on_flag_change", Int(0, 2), One(0);
    FwmarkReflect = "net/ipv4/fwmark_reflect", BYTE, One(0);
    IcmpEchoEnableProbe = "net/ipv4/icmp_echo_enable_probe", FLAG, One(0);
    IcmpEchoIgnoreAll = "net/ipv4/icmp_echo_ignore_all", FLAG, One(0);
    IcmpEchoIgnoreBroadcasts = "net/ipv4/icmp_echo_ignore_broadcasts", FLAG, One(1);
    IcmpErrorsUseInboundIfaddr = "net/ipv4/icmp_errors_use_inbound_ifaddr", FLAG, One(0);
    IcmpIgnoreBogusErrorResponses = "net/ipv4/icmp_ignore_bogus_error_responses", FLAG, One(1);
    IcmpMsgsBurst = "net/ipv4/icmp_msgs_burst", COUNT, One(50);
    IcmpMsgsPerSec = "net/ipv4/icmp_msgs_per_sec", COUNT, One(1000);
    IcmpRatelimit = "net/ipv4/icmp_ratelimit", Millis, One(1000);
    IcmpRatemask = "net/ipv4/icmp_ratemask", ANY, One(6168);
    IgmpLinkLocalMcastReports = "net/ipv4/igmp_link_local_mcast_reports", BYTE, One(1);
    IgmpMaxMemberships = "net/ipv4/igmp_max_memberships", ANY, One(20);
    IgmpMaxMsf = "net/ipv4/igmp_max_msf", ANY, One(10);
    IgmpQrv = "net/ipv4/igmp_qrv", Int(1, MAX), One(2);
    IpAutobindReuse = "net/ipv4/ip_autobind_reuse", FLAG, One(0);
    IpDefaultTtl = "net/ipv4/ip_default_ttl", Int(1, 255), One(64);
    IpDynaddr = "net/ipv4/ip_dynaddr", BYTE, One(0);
    IpEarlyDemux = "net/ipv4/ip_early_demux", BYTE, One(1);
    IpForward = "net/ipv4/ip_forward", ANY, One(0);
    IpForwardUpdatePriority = "net/ipv4/ip_forward_update_priority", FLAG, One(1);
    IpForwardUsePmtu = "net/ipv4/ip_forward_use_pmtu", BYTE, One(0);
    IpLocalPortRange = "net/ipv4/ip_local_port_range", PortRange, Many([32768, 60999, 0]);
    IpLocalReservedPorts = "net/ipv4/ip_local_reserved_ports", PortList, Text("");
    IpNoPmtuDisc = "net/ipv4/ip_no_pmtu_disc", BYTE, One(0);
    IpNonlocalBind = "net/ipv4/ip_nonlocal_bind", BYTE, One(0);
    IpUnprivilegedPortStart = "net/ipv4/ip_unprivileged_port_start", PortStart, One(1024);
    IpfragHighThresh = "net/ipv4/ipfrag_high_thresh", AtLeast(Sysctl::IpfragLowThresh), One(4_194_304);
    IpfragLowThresh = "net/ipv4/ipfrag_low_thresh", AtMost(Sysctl::IpfragHighThresh), One(3_145_728);
    IpfragMaxDist = "net/ipv4/ipfrag_max_dist", COUNT, One(64);
    IpfragTime = "net/ipv4/ipfrag_time", SECONDS, One(30);
    NexthopCompatMode = "net/ipv4/nexthop_compat_mode", FLAG, One(1);
    PingGroupRange = "net/ipv4/ping_group_range", GroupRange, Many([1, 0, 0]);
    RawL3mdevAccept = "net/ipv4/raw_l3mdev_accept", FLAG, One(1);
    RouteFlush = "net/ipv4/route/flush", Trigger, One(0);
    RouteMinAdvMss = "net/ipv4/route/min_adv_mss", ANY, One(256);
    RouteMinPmtu = "net/ipv4/route/min_pmtu", Int(68, MAX), One(552);
    RouteMtuExpires = "net/ipv4/route/mtu_expires", SECONDS, One(600);
    TcpAbortOnOverflow = "net/ipv4/tcp_abort_on_overflow", BYTE, One(0);
    TcpAdvWinScale = "net/ipv4/tcp_adv_win_scale", Int(-31, 31), One(1);
    TcpAllowedCongestionControl = "net/ipv4/tcp_allowed_congestion_control", ReadOnly, Text("reno cubic");
    TcpAppWin = "net/ipv4/tcp_app_win", Int(0, 31), One(31);
    TcpAutocorking = "net/ipv4/tcp_autocorking", FLAG, One(1);
    TcpAvailableCongestionControl = "net/ipv4/tcp_available_congestion_control", ReadOnly, Text("reno cubic");
    TcpBacklogAckDefer = "net/ipv4/tcp_backlog_ack_defer", FLAG, One(1);
    TcpBaseMss = "net/ipv4/tcp_base_mss", ANY, One(1024);
    TcpChallengeAckLimit = "net/ipv4/tcp_challenge_ack_limit", ANY, One(2_147_483_647);
    TcpChildEhashEntries = "net/ipv4/tcp_child_ehash_entries", Int(0, 16_777_216), One(0);
    TcpCompSackDelayNs = "net/ipv4/tcp_comp_sack_delay_ns", Int(0, i64::MAX), One(1_000_000);
    TcpCompSackNr = "net/ipv4/tcp_comp_sack_nr", BYTE, One(44);
    TcpCompSackSlackNs = "net/ipv4/tcp_comp_sack_slack_ns", Int(0, i64::MAX), One(100_000);
    TcpCongestionControl = "net/ipv4/tcp_congestion_control", Congestion, Text("cubic");
    TcpDsack = "net/ipv4/tcp_dsack", BYTE, One(1);
    TcpEarlyDemux = "net/ipv4/tcp_early_demux", BYTE, One(1);
    TcpEarlyRetrans = "net/ipv4/tcp_early_retrans", Int(0, 4), One(3);
    TcpEcn = "net/ipv4/tcp_ecn", Int(0, 2), One(2);
    TcpEcnFallback = "net/ipv4/tcp_ecn_fallback", FLAG, One(1);
    TcpEcnOption = "net/ipv4/tcp_ecn_option", Int(0, 2), One(2);
    TcpEcnOptionBeacon = "net/ipv4/tcp_ecn_option_beacon", Int(0, 3), One(3);
    TcpEhashEntries = "net/ipv4/tcp_ehash_entries", ReadOnly, One(-262_144);
    TcpFack = "net/ipv4/tcp_fack", BYTE, One(0);
    TcpFastopen = "net/ipv4/tcp_fastopen", ANY, One(1);
    TcpFastopenBlackholeTimeoutSec = "net/ipv4/tcp_fastopen_blackhole_timeout_sec", COUNT, One(0);
    TcpFastopenKey = "net/ipv4/tcp_fastopen_key", FastopenKey, Text("00000000-00000000-00000000-00000000");
    TcpFinTimeout = "net/ipv4/tcp_fin_timeout", SECONDS, One(60);
    TcpFrto = "net/ipv4/tcp_frto", BYTE, One(2);
    TcpFwmarkAccept = "net/ipv4/tcp_fwmark_accept", BYTE, One(0);
    TcpInvalidRatelimit = "net/ipv4/tcp_invalid_ratelimit", Millis, One(500);
    TcpKeepaliveIntvl = "net/ipv4/tcp_keepalive_intvl", SECONDS, One(75);
    TcpKeepaliveProbes = "net/ipv4/tcp_keepalive_probes", BYTE, One(9);
    TcpKeepaliveTime = "net/ipv4/tcp_keepalive_time", SECONDS, One(7200);
    TcpL3mdevAccept = "net/ipv4/tcp_l3mdev_accept", FLAG, One(0);
    TcpLimitOutputBytes = "net/ipv4/tcp_limit_output_bytes", ANY, One(4_194_304);
    TcpMaxReordering = "net/ipv4/tcp_max_reordering", Int(1, MAX), One(300);
    TcpMaxSynBacklog = "net/ipv4/tcp_max_syn_backlog", ANY, One(2048);
    TcpMaxTwBuckets = "net/ipv4/tcp_max_tw_buckets", ANY, One(131_072);
    TcpMigrateReq = "net/ipv4/tcp_migrate_req", FLAG, One(0);
    TcpMinRttWlen = "net/ipv4/tcp_min_rtt_wlen", Int(0, 86400), One(300);
    TcpMinSndMss = "net/ipv4/tcp_min_snd_mss", Int(48, 65535), One(48);
    TcpMinTsoSegs = "net/ipv4/tcp_min_tso_segs", Int(1, 255), One(2);
    TcpModerateRcvbuf = "net/ipv4/tcp_moderate_rcvbuf", BYTE, One(1);
    TcpMtuProbeFloor = "net/ipv4/tcp_mtu_probe_floor", Int(48, 65535), One(48);
    TcpMtuProbing = "net/ipv4/tcp_mtu_probing", BYTE, One(0);
    TcpNoMetricsSave = "net/ipv4/tcp_no_metrics_save", BYTE, One(0);
    TcpNoSsthreshMetricsSave = "net/ipv4/tcp_no_ssthresh_metrics_save", FLAG, One(1);
    TcpNotsentLowat = "net/ipv4/tcp_notsent_lowat", WORD, One(4_294_967_295);
    TcpOrphanRetries = "net/ipv4/tcp_orphan_retries", BYTE, One(0);
    TcpPacingCaRatio = "net/ipv4/tcp_pacing_ca_ratio", Int(0, 1000), One(120);
    TcpPacingSsRatio = "net/ipv4/tcp_pacing_ss_ratio", Int(0, 1000), One(200);
    TcpPingpongThresh = "net/ipv4/tcp_pingpong_thresh", Int(1, 255), One(1);
    TcpPlbCongThresh = "net/ipv4/tcp_plb_cong_thresh", Int(0, 256), One(128);
    TcpPlbEnabled = "net/ipv4/tcp_plb_enabled", FLAG, One(0);
    TcpPlbIdleRehashRounds = "net/ipv4/tcp_plb_idle_rehash_rounds", Int(0, 31), One(3);
    TcpPlbRehashRounds = "net/ipv4/tcp_plb_rehash_rounds", Int(0, 31), One(12);
    TcpPlbSuspendRtoSec = "net/ipv4/tcp_plb_suspend_rto_sec", BYTE, One(60);
    TcpProbeInterval = "net/ipv4/tcp_probe_interval", Int(0, 17_179_869), One(600);
    TcpProbeThreshold = "net/ipv4/tcp_probe_threshold", ANY, One(8);
    TcpRecovery = "net/ipv4/tcp_recovery", BYTE, One(1);
    TcpReflectTos = "net/ipv4/tcp_reflect_tos", FLAG, One(0);
    TcpReordering = "net/ipv4/tcp_reordering", Int(1, 300), One(3);
    TcpRetransCollapse = "net/ipv4/tcp_retrans_collapse", BYTE, One(1);
    TcpRetries1 = "net/ipv4/tcp_retries1", BYTE, One(3);
    TcpRetries2 = "net/ipv4/tcp_retries2", BYTE, One(15);
    TcpRfc1337 = "net/ipv4/tcp_rfc1337", BYTE, One(0);
    TcpRmem = "net/ipv4/tcp_rmem", Sizes, Many([4096, 131_072, 33_554_432]);
    TcpRtoMaxMs = "net/ipv4/tcp_rto_max_ms", Int(1000, 120_000), One(120_000);
    TcpRtoMinUs = "net/ipv4/tcp_rto_min_us", Int(1, MAX), One(200_000);
    TcpSack = "net/ipv4/tcp_sack", BYTE, One(1);
    TcpShrinkWindow = "net/ipv4/tcp_shrink_window", FLAG, One(0);
    TcpSlowStartAfterIdle = "net/ipv4/tcp_slow_start_after_idle", BYTE, One(1);
    TcpStdurg = "net/ipv4/tcp_stdurg", BYTE, One(0);
    TcpSynLinearTimeouts = "net/ipv4/tcp_syn_linear_timeouts", Int(0, 127), One(4);
    TcpSynRetries = "net/ipv4/tcp_syn_retries", Int(1, 127), One(6);
    TcpSynackRetries = "net/ipv4/tcp_synack_retries", BYTE, One(5);
    TcpSyncookies = "net/ipv4/tcp_syncookies", BYTE, One(1);
    TcpThinLinearTimeouts = "net/ipv4/tcp_thin_linear_timeouts", BYTE, One(0);
    TcpTimestamps = "net/ipv4/tcp_timestamps", BYTE, One(1);
    TcpTsoRttLog = "net/ipv4/tcp_tso_rtt_log", BYTE, One(9);
    TcpTsoWinDivisor = "net/ipv4/tcp_tso_win_divisor", BYTE, One(3);
    TcpTwReuse = "net/ipv4/tcp_tw_reuse", Int(0, 2), One(2);
    TcpTwReuseDelay = "net/ipv4/tcp_tw_reuse_delay", Int(1, 60000), One(1000);
    TcpWindowScaling = "net/ipv4/tcp_window_scaling", BYTE, One(1);
    TcpWmem = "net/ipv4/tcp_wmem", Sizes, Many([4096, 16384, 4_194_304]);
    TcpWorkaroundSignedWindows = "net/ipv4/tcp_workaround_signed_windows", BYTE, One(0);
    UdpChildHashEntries = "net/ipv4/udp_child_hash_entries", Int(0, 65536), One(0);
    UdpEarlyDemux = "net/ipv4/udp_early_demux", BYTE, One(1);
    UdpHashEntries = "net/ipv4/udp_hash_entries", ReadOnly, One(-16384);
    UdpL3mdevAccept = "net/ipv4/udp_l3mdev_accept", FLAG, One(0);
    UdpRmemMin = "net/ipv4/udp_rmem_min", Int(1, MAX), One(4096);
    UdpWmemMin = "net/ipv4/udp_wmem_min", Int(1, MAX), One(4096);
    Xfrm4GcThresh = "net/ipv4/xfrm4_gc_thresh", ANY, One(32768);
    Ipv6AnycastSrcEchoReply = "net/ipv6/anycast_src_echo_reply", BYTE, One(0);
    Ipv6AutoFlowlabels = "net/ipv6/auto_flowlabels", Int(0, 3), One(1);
    Ipv6Bindv6only = "net/ipv6/bindv6only", BYTE, One(0);
    Ipv6FibMultipathHashFields = "net/ipv6/fib_multipath_hash_fields", Int(1, 4095), One(7);
    Ipv6FibMultipathHashPolicy = "net/ipv6/fib_multipath_hash_policy", Int(0, 3), One(0);
    Ipv6FibNotifyOnFlagChange = "net/ipv6/fib_notify_on_flag_change", Int(0, 2), One(0);
    Ipv6FlowlabelConsistency = "net/ipv6/flowlabel_consistency", BYTE, One(1);
    Ipv6FlowlabelReflect = "net/ipv6/flowlabel_reflect", Int(0, 7), One(0);
    Ipv6FlowlabelStateRanges = "net/ipv6/flowlabel_state_ranges", BYTE, One(0);
    Ipv6FwmarkReflect = "net/ipv6/fwmark_reflect", BYTE, One(0);
    Ipv6IcmpEchoIgnoreAll = "net/ipv6/icmp/echo_ignore_all", BYTE, One(0);
    Ipv6IcmpEchoIgnoreAnycast = "net/ipv6/icmp/echo_ignore_anycast", BYTE, One(0);
    Ipv6IcmpEchoIgnoreMulticast = "net/ipv6/icmp/echo_ignore_multicast", BYTE, One(0);
    Ipv6IcmpErrorAnycastAsUnicast = "net/ipv6/icmp/error_anycast_as_unicast", FLAG, One(0);
    Ipv6IcmpRatelimit = "net/ipv6/icmp/ratelimit", Millis, One(100);
    Ipv6IcmpRatemask = "net/ipv6/icmp/ratemask", PortList, Text("0-1,3-127");
    Ipv6IdgenDelay = "net/ipv6/idgen_delay", SECONDS, One(1);
    Ipv6IdgenRetries = "net/ipv6/idgen_retries", ANY, One(3);
    Ipv6Ioam6Id = "net/ipv6/ioam6_id", Int(0, 16_777_215), One(16_777_215);
    Ipv6Ioam6IdWide = "net/ipv6/ioam6_id_wide", Int(0, 72_057_594_037_927_935), One(72_057_594_037_927_935);
    Ipv6Ip6fragHighThresh = "net/ipv6/ip6frag_high_thresh", AtLeast(Sysctl::Ipv6Ip6fragLowThresh), One(4_194_304);
    Ipv6Ip6fragLowThresh = "net/ipv6/ip6frag_low_thresh", AtMost(Sysctl::Ipv6Ip6fragHighThresh), One(3_145_728);
    Ipv6Ip6fragTime = "net/ipv6/ip6frag_time", SECONDS, One(60);
    Ipv6IpNonlocalBind = "net/ipv6/ip_nonlocal_bind", BYTE, One(0);
    Ipv6MaxDstOptsLength = "net/ipv6/max_dst_opts_length", ANY, One(2_147_483_647);
    Ipv6MaxDstOptsNumber = "net/ipv6/max_dst_opts_number", ANY, One(8);
    Ipv6MaxHbhLength = "net/ipv6/max_hbh_length", ANY, One(2_147_483_647);
    Ipv6MaxHbhOptsNumber = "net/ipv6/max_hbh_opts_number", ANY, One(8);
    Ipv6RouteFlush = "net/ipv6/route/flush", Trigger, One(0);
    Ipv6RouteGcElasticity = "net/ipv6/route/gc_elasticity", ANY, One(9);
    Ipv6RouteGcInterval = "net/ipv6/route/gc_interval", SECONDS, One(30);
    Ipv6RouteGcMinInterval = "net/ipv6/route/gc_min_interval", SECONDS, One(0);
    Ipv6RouteGcMinIntervalMs = "net/ipv6/route/gc_min_interval_ms", Millis, One(0);
    Ipv6RouteGcThresh = "net/ipv6/route/gc_thresh", ANY, One(1024);
    Ipv6RouteGcTimeout = "net/ipv6/route/gc_timeout", SECONDS, One(60);
    Ipv6RouteMaxSize = "net/ipv6/route/max_size", ANY, One(2_147_483_647);
    Ipv6RouteMinAdvMss = "net/ipv6/route/min_adv_mss", ANY, One(1220);
    Ipv6RouteMtuExpires = "net/ipv6/route/mtu_expires", SECONDS, One(600);
    Ipv6RouteSkipNotifyOnDevDown = "net/ipv6/route/skip_notify_on_dev_down", FLAG, One(0);
    Ipv6Seg6Flowlabel = "net/ipv6/seg6_flowlabel", ANY, One(0);
    Ipv6Xfrm6GcThresh = "net/ipv6/xfrm6_gc_thresh", ANY, One(32768);
    NfConntrackAcct = "net/netfilter/nf_conntrack_acct", FLAG, One(0);
    NfConntrackBuckets = "net/netfilter/nf_conntrack_buckets", ReadOnly, One(262_144);
    NfConntrackChecksum = "net/netfilter/nf_conntrack_checksum", FLAG, One(1);
    NfConntrackCount = "net/netfilter/nf_conntrack_count", ReadOnly, One(0);
    NfConntrackEvents = "net/netfilter/nf_conntrack_events", Int(0, 2), One(2);
    NfConntrackExpectMax = "net/netfilter/nf_conntrack_expect_max", Shared(1, MAX), One(4096);
    NfConntrackFrag6HighThresh = "net/netfilter/nf_conntrack_frag6_high_thresh", AtLeast(Sysctl::NfConntrackFrag6LowThresh), One(4_194_304);
    NfConntrackFrag6LowThresh = "net/netfilter/nf_conntrack_frag6_low_thresh", AtMost(Sysctl::NfConntrackFrag6HighThresh), One(3_145_728);
    NfConntrackFrag6Timeout = "net/netfilter/nf_conntrack_frag6_timeout", SECONDS, One(60);
    NfConntrackGenericTimeout = "net/netfilter/nf_conntrack_generic_timeout", SECONDS, One(600);
    NfConntrackGreTimeout = "net/netfilter/nf_conntrack_gre_timeout", SECONDS, One(30);
    NfConntrackGreTimeoutStream = "net/netfilter/nf_conntrack_gre_timeout_stream", SECONDS, One(180);
    NfConntrackIcmpTimeout = "net/netfilter/nf_conntrack_icmp_timeout", SECONDS, One(30);
    NfConntrackIcmpv6Timeout = "net/netfilter/nf_conntrack_icmpv6_timeout", SECONDS, One(30);
    NfConntrackLogInvalid = "net/netfilter/nf_conntrack_log_invalid", BYTE, One(0);
    NfConntrackMax = "net/netfilter/nf_conntrack_max", Shared(0, MAX), One(262_144);
    NfConntrackSctpTimeoutClosed = "net/netfilter/nf_conntrack_sctp_timeout_closed", SECONDS, One(10);
    NfConntrackSctpTimeoutCookieEchoed = "net/netfilter/nf_conntrack_sctp_timeout_cookie_echoed", SECONDS, One(3);
    NfConntrackSctpTimeoutCookieWait = "net/netfilter/nf_conntrack_sctp_timeout_cookie_wait", SECONDS, One(3);
    NfConntrackSctpTimeoutEstablished = "net/netfilter/nf_conntrack_sctp_timeout_established", SECONDS, One(210);
    NfConntrackSctpTimeoutHeartbeatSent = "net/netfilter/nf_conntrack_sctp_timeout_heartbeat_sent", SECONDS, One(30);
    NfConntrackSctpTimeoutShutdownAckSent = "net/netfilter/nf_conntrack_sctp_timeout_shutdown_ack_sent", SECONDS, One(3);
    NfConntrackSctpTimeoutShutdownRecd = "net/netfilter/nf_conntrack_sctp_timeout_shutdown_recd", SECONDS, One(3);
    NfConntrackSctpTimeoutShutdownSent = "net/netfilter/nf_conntrack_sctp_timeout_shutdown_sent", SECONDS, One(3);
    NfConntrackTcpBeLiberal = "net/netfilter/nf_conntrack_tcp_be_liberal", FLAG, One(0);
    NfConntrackTcpIgnoreInvalidRst = "net/netfilter/nf_conntrack_tcp_ignore_invalid_rst", FLAG, One(0);
    NfConntrackTcpLoose = "net/netfilter/nf_conntrack_tcp_loose", FLAG, One(1);
    NfConntrackTcpMaxRetrans = "net/netfilter/nf_conntrack_tcp_max_retrans", BYTE, One(3);
    NfConntrackTcpTimeoutClose = "net/netfilter/nf_conntrack_tcp_timeout_close", SECONDS, One(10);
    NfConntrackTcpTimeoutCloseWait = "net/netfilter/nf_conntrack_tcp_timeout_close_wait", SECONDS, One(60);
    NfConntrackTcpTimeoutEstablished = "net/netfilter/nf_conntrack_tcp_timeout_established", SECONDS, One(432_000);
    NfConntrackTcpTimeoutFinWait = "net/netfilter/nf_conntrack_tcp_timeout_fin_wait", SECONDS, One(120);
    NfConntrackTcpTimeoutLastAck = "net/netfilter/nf_conntrack_tcp_timeout_last_ack", SECONDS, One(30);
    NfConntrackTcpTimeoutMaxRetrans = "net/netfilter/nf_conntrack_tcp_timeout_max_retrans", SECONDS, One(300);
    NfConntrackTcpTimeoutSynRecv = "net/netfilter/nf_conntrack_tcp_timeout_syn_recv", SECONDS, One(60);
    NfConntrackTcpTimeoutSynSent = "net/netfilter/nf_conntrack_tcp_timeout_syn_sent", SECONDS, One(120);
    NfConntrackTcpTimeoutTimeWait = "net/netfilter/nf_conntrack_tcp_timeout_time_wait", SECONDS, One(120);
    NfConntrackTcpTimeoutUnacknowledged = "net/netfilter/nf_conntrack_tcp_timeout_unacknowledged", SECONDS, One(300);
    NfConntrackTimestamp = "net/netfilter/nf_conntrack_timestamp", FLAG, One(0);
    NfConntrackUdpTimeout = "net/netfilter/nf_conntrack_udp_timeout", SECONDS, One(30);
    NfConntrackUdpTimeoutStream = "net/netfilter/nf_conntrack_udp_timeout_stream", SECONDS, One(120);
    NfHooksLwtunnel = "net/netfilter/nf_hooks_lwtunnel", Int(0, 0), One(0);
    NfLog0 = "net/netfilter/nf_log/0", Logger, Text("NONE");
    NfLog1 = "net/netfilter/nf_log/1", Logger, Text("NONE");
    NfLog10 = "net/netfilter/nf_log/10", Logger, Text("nf_log_ipv6");
    NfLog2 = "net/netfilter/nf_log/2", Logger, Text("nf_log_ipv4");
    NfLog3 = "net/netfilter/nf_log/3", Logger, Text("nf_log_arp");
    NfLog4 = "net/netfilter/nf_log/4", Logger, Text("NONE");
    NfLog5 = "net/netfilter/nf_log/5", Logger, Text("nf_log_netdev");
    NfLog6 = "net/netfilter/nf_log/6", Logger, Text("NONE");
    NfLog7 = "net/netfilter/nf_log/7", Logger, Text("nf_log_bridge");
    NfLog8 = "net/netfilter/nf_log/8", Logger, Text("NONE");
    NfLog9 = "net/netfilter/nf_log/9", Logger, Text("NONE");
    NetNfConntrackMax = "net/nf_conntrack_max", Shared(0, MAX), One(262_144);
    UnixMaxDgramQlen = "net/unix/max_dgram_qlen", ANY, One(10);
}
