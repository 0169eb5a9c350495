//! The settings of neighbour tables: `net.ipv4.neigh.{default,DEV}` (`struct neigh_parms`).

/// Jiffies in a second.
pub const HZ: i64 = 250;
/// Milliseconds in a jiffy.
const MILLIS_PER_JIFFY: i64 = 4;
/// Jiffies in two ticks of the clock that old settings are written in (`2 * HZ / USER_HZ`).
const JIFFIES_PER_TWO_TICKS: i64 = 5;
/// What the memory of one full Ethernet frame is taken as when a queue's length is given in packets,
/// in bytes (`SKB_TRUESIZE(ETH_FRAME_LEN)`).
const FRAME_TRUESIZE: i64 = 2090;

/// A setting as the kernel keeps it; times in jiffies.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum NeighVar {
    /// Requests sent to the group before giving up on a new neighbour.
    McastProbes,
    /// Requests sent to the group before giving up on a known one that stopped answering.
    McastReprobes,
    /// Requests sent to the known address of a neighbour before asking the group.
    UcastProbes,
    /// Requests left to a daemon.
    AppProbes,
    /// The time between two requests.
    RetransTime,
    /// The mean time for which a confirmation holds.
    BaseReachableTime,
    /// How long a neighbour is used unconfirmed before it is probed.
    DelayProbeTime,
    /// The time between two probes of a managed entry.
    IntervalProbeTime,
    /// How long an unused entry is kept.
    GcStaletime,
    /// How much memory the packets that wait for one address may take, in bytes.
    QueueLenBytes,
    /// How many requests may wait to be answered for others.
    ProxyQlen,
    /// The longest delay of an answer to a request for an anycast address.
    AnycastDelay,
    /// The longest delay of an answer given for another.
    ProxyDelay,
    /// How long an answer cannot be replaced by another one.
    Locktime,
}

const VARS: usize = NeighVar::Locktime as usize + 1;

/// The settings of one device, or those that new devices start with.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NeighParms {
    values: [i32; VARS],
    /// Which ones were set on this very device: these no longer follow the default.
    set: u16,
    /// For how long a confirmation holds on this device, in jiffies, and when that was drawn
    /// (`reachable_time`).
    pub(super) reachable: Option<ReachableTime>,
}

/// A drawn time for which confirmations hold.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct ReachableTime {
    /// The time, in jiffies.
    pub(super) jiffies: i64,
    /// The jiffy in which it was drawn.
    pub(super) drawn: i64,
}

impl Default for NeighParms {
    /// The settings of a fresh kernel (`arp_tbl.parms`).
    fn default() -> Self {
        let mut parms = Self { values: [0; VARS], set: 0, reachable: None };
        for (var, value) in [
            (NeighVar::McastProbes, 3),
            (NeighVar::UcastProbes, 3),
            (NeighVar::RetransTime, 250),
            (NeighVar::BaseReachableTime, 7500),
            (NeighVar::DelayProbeTime, 1250),
            (NeighVar::IntervalProbeTime, 1250),
            (NeighVar::GcStaletime, 15000),
            (NeighVar::QueueLenBytes, 212_992),
            (NeighVar::ProxyQlen, 64),
            (NeighVar::AnycastDelay, 250),
            (NeighVar::ProxyDelay, 200),
            (NeighVar::Locktime, 250),
        ] {
            parms.values[var as usize] = value;
        }
        parms
    }
}

impl NeighParms {
    /// The value of `var` as the kernel keeps it.
    #[must_use]
    pub fn get(&self, var: NeighVar) -> i64 {
        i64::from(self.values[var as usize])
    }

    /// Sets `var` on this device.
    pub fn set(&mut self, var: NeighVar, value: i32) {
        self.values[var as usize] = value;
        self.set |= 1 << var as u16;
        self.forget_drawn(var);
    }

    /// From now on the device follows the defaults in nothing (`neigh_parms_data_state_setall()`).
    pub fn set_all(&mut self) {
        self.set = u16::MAX;
    }

    /// Follows a change of `var` in the defaults, unless it was set here (`neigh_copy_dflt_parms()`).
    pub fn follow_default(&mut self, var: NeighVar, default: &Self) {
        if self.set & (1 << var as u16) == 0 {
            self.values[var as usize] = default.values[var as usize];
            self.forget_drawn(var);
        }
    }

    /// A copy for a new device, on which nothing was set yet (`neigh_parms_alloc()`).
    #[must_use]
    pub fn for_new_device(&self) -> Self {
        Self { set: 0, reachable: None, ..self.clone() }
    }

    /// How many requests are sent before a neighbour in `probing` or else in first resolution is given
    /// up (`neigh_max_probes()`).
    pub(super) fn max_probes(&self, probing: bool) -> i64 {
        let group = if probing { NeighVar::McastReprobes } else { NeighVar::McastProbes };
        self.get(NeighVar::UcastProbes) + self.get(NeighVar::AppProbes) + self.get(group)
    }

    /// The time between two requests, at least 10 ms.
    pub(super) fn retrans_time(&self) -> i64 {
        self.get(NeighVar::RetransTime).max(HZ / 100)
    }

    fn forget_drawn(&mut self, var: NeighVar) {
        if var == NeighVar::BaseReachableTime {
            self.reachable = None;
        }
    }
}

/// How a file shows a setting.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Unit {
    /// As it is kept.
    Plain,
    /// Milliseconds of a time in jiffies.
    Millis,
    /// Seconds of a time in jiffies.
    Seconds,
    /// Hundredths of a second of a time in jiffies (`USER_HZ`).
    Ticks,
    /// Full frames of a queue in bytes.
    Frames,
}

/// Declares the files below `net.ipv4.neigh.DEV`.
macro_rules! neigh_files {
    ($($name:literal = $var:ident, $unit:ident;)*) => {
        /// The names of the files, in the order in which `sysctl -a` lists them, with those it leaves
        /// out as deprecated.
        pub const NEIGH_FILES: &[&str] = &[$($name,)*];

        fn file(name: &str) -> Option<(NeighVar, Unit)> {
            match name {
                $($name => Some((NeighVar::$var, Unit::$unit)),)*
                _ => None,
            }
        }
    };
}

neigh_files! {
    "anycast_delay" = AnycastDelay, Ticks;
    "app_solicit" = AppProbes, Plain;
    "base_reachable_time" = BaseReachableTime, Seconds;
    "base_reachable_time_ms" = BaseReachableTime, Millis;
    "delay_first_probe_time" = DelayProbeTime, Seconds;
    "gc_stale_time" = GcStaletime, Seconds;
    "interval_probe_time_ms" = IntervalProbeTime, Millis;
    "locktime" = Locktime, Ticks;
    "mcast_resolicit" = McastReprobes, Plain;
    "mcast_solicit" = McastProbes, Plain;
    "proxy_delay" = ProxyDelay, Ticks;
    "proxy_qlen" = ProxyQlen, Plain;
    "retrans_time" = RetransTime, Ticks;
    "retrans_time_ms" = RetransTime, Millis;
    "ucast_solicit" = UcastProbes, Plain;
    "unres_qlen" = QueueLenBytes, Frames;
    "unres_qlen_bytes" = QueueLenBytes, Plain;
}

impl NeighParms {
    /// What the file `name` shows; `None` if there is no such file.
    #[must_use]
    pub fn read_file(&self, name: &str) -> Option<i64> {
        let (var, unit) = file(name)?;
        let value = self.get(var);
        Some(match unit {
            Unit::Plain => value,
            Unit::Millis => value * MILLIS_PER_JIFFY,
            Unit::Seconds => value / HZ,
            Unit::Ticks => value * 2 / JIFFIES_PER_TWO_TICKS,
            Unit::Frames => value / FRAME_TRUESIZE,
        })
    }
}

/// The setting that the file `name` holds, and the value that the kernel keeps when `shown` is
/// written; `None` if there is no such file.
#[must_use]
pub fn neigh_file(name: &str, shown: i64) -> Option<Result<(NeighVar, i32), OutOfRange>> {
    let (var, unit) = file(name)?;
    Some(kept(var, unit, shown).map(|value| (var, value)))
}

/// What the kernel keeps of a written value; times are rounded to whole jiffies.
fn kept(var: NeighVar, unit: Unit, shown: i64) -> Result<i32, OutOfRange> {
    let least = match (var, unit) {
        (NeighVar::IntervalProbeTime, _) => 1,
        (_, Unit::Seconds | Unit::Ticks) => i64::MIN,
        _ => 0,
    };
    if shown < least {
        return Err(OutOfRange);
    }
    let value = match unit {
        Unit::Plain => shown,
        Unit::Millis if i32::try_from(shown).is_err() => return Err(OutOfRange),
        Unit::Millis => (shown + MILLIS_PER_JIFFY - 1) / MILLIS_PER_JIFFY,
        Unit::Seconds => shown.saturating_mul(HZ),
        Unit::Ticks => shown.saturating_mul(JIFFIES_PER_TWO_TICKS) / 2,
        Unit::Frames => shown.saturating_mul(FRAME_TRUESIZE),
    };
    i32::try_from(value).map_err(|_| OutOfRange)
}

/// A value that a setting cannot have.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("out of range")]
pub struct OutOfRange;

#[cfg(test)]
mod tests {
    use super::*;

    /// `sysctl net.ipv4.neigh.v0` of a new veth on Linux 6.18.
    #[test]
    fn the_defaults_read_as_on_a_fresh_kernel() {
        let parms = NeighParms::default();
        for (name, value) in [
            ("anycast_delay", 100),
            ("app_solicit", 0),
            ("base_reachable_time_ms", 30000),
            ("delay_first_probe_time", 5),
            ("gc_stale_time", 60),
            ("interval_probe_time_ms", 5000),
            ("locktime", 100),
            ("mcast_resolicit", 0),
            ("mcast_solicit", 3),
            ("proxy_delay", 80),
            ("proxy_qlen", 64),
            ("retrans_time_ms", 1000),
            ("ucast_solicit", 3),
            ("unres_qlen", 101),
            ("unres_qlen_bytes", 212_992),
        ] {
            assert_eq!(parms.read_file(name), Some(value), "{name}");
        }
        assert_eq!(parms.read_file("gc_thresh1"), None);
    }

    /// Written with `echo` and read again on Linux 6.18; `None` is `EINVAL`.
    #[test]
    fn written_values_are_rounded_as_the_kernel_rounds_them() {
        for (name, written, read) in [
            ("base_reachable_time_ms", 1001, Some(1004)),
            ("base_reachable_time_ms", -1, None),
            ("base_reachable_time_ms", 3_000_000_000, None),
            ("base_reachable_time_ms", 2_147_483_647, Some(2_147_483_648)),
            ("base_reachable_time", -1, Some(-1)),
            ("base_reachable_time", 2_147_483_647, None),
            ("interval_probe_time_ms", 0, None),
            ("interval_probe_time_ms", 1, Some(4)),
            ("locktime", 3, Some(2)),
            ("locktime", 1001, Some(1000)),
            ("proxy_delay", 1, Some(0)),
            ("proxy_qlen", -1, None),
            ("unres_qlen", 1001, Some(1001)),
        ] {
            let mut parms = NeighParms::default();
            let kept = neigh_file(name, written).expect("a file").ok();
            let shown = kept.and_then(|(var, value)| {
                parms.set(var, value);
                parms.read_file(name)
            });
            assert_eq!(shown, read, "{name} {written}");
        }
        assert_eq!(neigh_file("unres_qlen", 1001), Some(Ok((NeighVar::QueueLenBytes, 2_092_090))));
    }

    #[test]
    fn a_device_follows_the_default_until_it_is_set_itself() {
        let mut default = NeighParms::default();
        let mut dev = default.for_new_device();
        default.set(NeighVar::Locktime, 5);
        dev.follow_default(NeighVar::Locktime, &default);
        assert_eq!(dev.get(NeighVar::Locktime), 5);
        dev.set(NeighVar::Locktime, 6);
        dev.follow_default(NeighVar::Locktime, &default);
        assert_eq!(dev.get(NeighVar::Locktime), 6);
    }
}
