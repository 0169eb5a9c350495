//! The sysctls that sockets read: `net.ipv4.{ip_*,tcp_*,ping_group_range}` and `net.core.somaxconn`.

/// Declares the settings: name, default, least and greatest value, meaning.
macro_rules! socket_sysctls {
    (
        one { $($one:ident = $default:literal in $min:literal..=$max:literal, $doc:literal;)* }
        many { $($many:ident: $n:literal = $defaults:expr, $many_doc:literal;)* }
    ) => {
        /// The settings of one namespace, with the defaults of a fresh one.
        #[derive(Clone, Debug, Eq, PartialEq)]
        pub struct SocketSysctls {
            $(#[doc = $doc] pub $one: i32,)*
            $(#[doc = $many_doc] pub $many: [i32; $n],)*
        }

        impl Default for SocketSysctls {
            fn default() -> Self {
                Self { $($one: $default,)* $($many: $defaults,)* }
            }
        }

        impl SocketSysctls {
            /// The last parts of the names, in no order that means anything.
            pub const NAMES: &'static [&'static str] =
                &[$(stringify!($one),)* $(stringify!($many),)*];

            /// The values of the setting called `name`: one, or as many as it has.
            #[must_use]
            pub fn values(&self, name: &str) -> Option<&[i32]> {
                match name {
                    $(stringify!($one) => Some(std::slice::from_ref(&self.$one)),)*
                    $(stringify!($many) => Some(&self.$many),)*
                    _ => None,
                }
            }

            /// The values of the setting called `name`, to be written to.
            pub fn values_mut(&mut self, name: &str) -> Option<&mut [i32]> {
                match name {
                    $(stringify!($one) => Some(std::slice::from_mut(&mut self.$one)),)*
                    $(stringify!($many) => Some(&mut self.$many),)*
                    _ => None,
                }
            }

            /// What each value of the setting called `name` may be.
            #[must_use]
            pub fn bounds(name: &str) -> std::ops::RangeInclusive<i32> {
                match name {
                    $(stringify!($one) => $min..=$max,)*
                    _ => 0..=i32::MAX,
                }
            }
        }
    };
}

socket_sysctls! {
    one {
        ip_default_ttl = 64 in 1..=255, "The TTL of packets that say nothing else.";
        ip_nonlocal_bind = 0 in 0..=1, "Whether `bind(2)` takes addresses that are not the host's.";
        ip_no_pmtu_disc = 0 in 0..=3, "Whether new sockets leave DF clear.";
        somaxconn = 4096 in 0..=2_147_483_647, "The longest accept queue (`net.core.somaxconn`).";
        tcp_abort_on_overflow = 0 in 0..=255, "Whether a full accept queue resets instead of waiting.";
        tcp_challenge_ack_limit = 2_147_483_647 in 0..=2_147_483_647,
            "How many challenge ACKs are sent in a second.";
        tcp_dsack = 1 in 0..=1, "Whether duplicate segments are reported in SACK.";
        tcp_ecn = 2 in 0..=2, "0: no ECN; 1: asked for and granted; 2: granted.";
        tcp_fin_timeout = 60 in 0..=2_147_483, "How long an orphan stays in FIN-WAIT-2, in seconds.";
        tcp_invalid_ratelimit = 500 in 0..=2_147_483_647,
            "The time between answers to segments out of window, in milliseconds.";
        tcp_keepalive_intvl = 75 in 1..=32767, "The time between keepalive probes, in seconds.";
        tcp_keepalive_probes = 9 in 1..=127, "How many keepalive probes are sent.";
        tcp_keepalive_time = 7200 in 1..=32767, "When keepalive probes begin, in seconds.";
        tcp_max_syn_backlog = 2048 in 0..=2_147_483_647,
            "How many connection requests a listener keeps when cookies are off.";
        tcp_min_snd_mss = 48 in 48..=32767, "The least MSS that a peer can impose, in bytes.";
        tcp_moderate_rcvbuf = 1 in 0..=255, "Whether receive buffers grow with use.";
        tcp_orphan_retries = 0 in 0..=255, "How often an orphan's data are resent; 0 is 8.";
        tcp_retries1 = 3 in 0..=255, "After how many retransmissions routing is asked for another way.";
        tcp_retries2 = 15 in 0..=255, "How often data are resent.";
        tcp_rfc1337 = 0 in 0..=255, "Whether resets are ignored in TIME-WAIT.";
        tcp_sack = 1 in 0..=1, "Whether selective acknowledgments are offered.";
        tcp_slow_start_after_idle = 1 in 0..=1, "Whether the congestion window shrinks while idle.";
        tcp_synack_retries = 5 in 0..=255, "How often a SYN-ACK is resent.";
        tcp_syn_linear_timeouts = 4 in 0..=127, "How many SYNs are resent before the time between them doubles.";
        tcp_syn_retries = 6 in 1..=127, "How often a SYN is resent after the linear ones.";
        tcp_timestamps = 1 in 0..=2, "Whether timestamps are offered; 2: without an offset.";
        tcp_window_scaling = 1 in 0..=1, "Whether window scaling is offered.";
    }
    many {
        ip_local_port_range: 2 = [32768, 60999], "The first and the last ephemeral port.";
        ping_group_range: 2 = [1, 0], "The first and the last group that may open ping sockets.";
        tcp_rmem: 3 = [4096, 131_072, 33_554_432],
            "The least, initial and greatest receive buffer, in bytes.";
        tcp_wmem: 3 = [4096, 16384, 4_194_304],
            "The least, initial and greatest send buffer, in bytes.";
    }
}

impl SocketSysctls {
    /// The ephemeral ports.
    #[must_use]
    pub fn local_ports(&self) -> (u16, u16) {
        let port = |value: i32| u16::try_from(value).unwrap_or(u16::MAX);
        let [low, high] = self.ip_local_port_range;
        (port(low), port(high))
    }

    /// Whether root's group may open ping sockets (`ping_init_sock()`).
    #[must_use]
    pub fn root_may_ping(&self) -> bool {
        let [low, high] = self.ping_group_range;
        low <= 0 && 0 <= high
    }
}
