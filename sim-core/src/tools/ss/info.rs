//! What `ss -i` shows of TCP (`tcp_stats_print()`).

use crate::id::NetnsId;
use crate::socket::tcp::TcpState;
use crate::socket::tcp::dump::TcpInfo;
use crate::sysctl::Sysctl;
use crate::tools::ss::args::Args;
use crate::tools::ss::sock::Sock;
use crate::world::World;

/// The congestion window of a socket that has no connection, in segments.
const INIT_CWND: u64 = 10;
/// Thresholds from here on mean that there is none yet, in segments.
const NO_SSTHRESH: u32 = 0xffff;
/// How many segments may overtake another unless more were seen to.
const USUAL_REORDERING: u32 = 3;

/// The figures of a connection, or the few that a listener has.
pub(super) fn of(sock: &Sock, args: &Args, world: &World, netns: NetnsId) -> String {
    if sock.state == TcpState::Listen {
        let congestion = world.kernel.netns[netns].sysctl.text(Sysctl::TcpCongestionControl);
        let mut list = List(String::new());
        list.add(&congestion);
        list.number("cwnd", INIT_CWND);
        list.number("unacked", sock.recv_q.into());
        return list.0;
    }
    let Some(info) = &sock.info else { return String::new() };
    let mut list = List(String::new());
    list.opening(info, args.options);
    list.counts(info);
    list.rates(info, args.numeric);
    list.losses(info);
    list.receiving(info);
    list.0
}

/// Figures one after the other; those that are 0 are left out.
struct List(String);

impl List {
    fn add(&mut self, text: &str) {
        self.0.push(' ');
        self.0.push_str(text);
    }

    fn number(&mut self, name: &str, value: u64) {
        if value > 0 {
            self.add(&format!("{name}:{value}"));
        }
    }

    fn opening(&mut self, info: &TcpInfo, options: bool) {
        let agreed = [(info.timestamps, "ts"), (info.sack, "sack"), (info.ecn, "ecn")];
        agreed.iter().filter(|(on, _)| *on && options).for_each(|(_, name)| self.add(name));
        self.add(info.congestion);
        if let Some((sent, received)) = info.wscale {
            self.add(&format!("wscale:{sent},{received}"));
        }
        // Three seconds stand for no timeout at all.
        if info.rto_ms > 0 && info.rto_ms != 3000 {
            self.add(&format!("rto:{}", info.rto_ms));
        }
        self.number("backoff", info.backoff.into());
        if let Some((rtt, deviation)) = info.rtt_us.filter(|(rtt, _)| *rtt > 0) {
            self.add(&format!("rtt:{}/{}", thousandths(rtt), thousandths(deviation)));
        }
        self.number("ato", info.ato_ms);
        self.number("mss", info.mss.into());
        self.number("pmtu", info.pmtu.into());
        self.number("rcvmss", info.rcv_mss.into());
        self.number("advmss", info.advmss.into());
        self.number("cwnd", info.cwnd.into());
        let ssthresh = info.ssthresh.filter(|segments| *segments < NO_SSTHRESH);
        self.number("ssthresh", ssthresh.unwrap_or(0).into());
    }

    fn counts(&mut self, info: &TcpInfo) {
        let count = &info.count;
        self.number("bytes_sent", count.bytes_sent);
        self.number("bytes_retrans", count.bytes_retrans);
        self.number("bytes_acked", info.bytes_acked);
        self.number("bytes_received", info.bytes_received);
        self.number("segs_out", count.segs_out.into());
        self.number("segs_in", count.segs_in.into());
        self.number("data_segs_out", count.data_segs_out.into());
        self.number("data_segs_in", count.data_segs_in.into());
    }

    fn rates(&mut self, info: &TcpInfo, numeric: bool) {
        if let Some((rtt, _)) = info.rtt_us.filter(|(rtt, _)| *rtt > 0) {
            let bits = u64::from(info.cwnd) * u64::from(info.mss) * 8_000_000;
            let rate = if numeric { (bits + rtt / 2) / rtt } else { bits / rtt };
            self.add(&format!("send {}bps", bandwidth(rate, numeric)));
        }
        let names = ["lastsnd", "lastrcv", "lastack"];
        names.iter().zip(info.last_ms).for_each(|(name, ms)| self.number(name, ms));
        if let Some(rate) = info.pacing_rate {
            self.add(&format!("pacing_rate {}bps", bandwidth(rate * 8, numeric)));
        }
    }

    fn losses(&mut self, info: &TcpInfo) {
        self.number("unacked", info.unacked.into());
        let (now, total) = info.retrans;
        if (now, total) != (0, 0) {
            self.add(&format!("retrans:{now}/{total}"));
        }
        self.number("lost", info.lost.into());
        self.number("sacked", info.sacked.into());
        if info.reordering != USUAL_REORDERING {
            self.add(&format!("reordering:{}", info.reordering));
        }
    }

    fn receiving(&mut self, info: &TcpInfo) {
        if let Some(rtt) = info.rcv_rtt_us.filter(|rtt| *rtt > 0) {
            self.add(&format!("rcv_rtt:{}", thousandths(rtt)));
        }
        self.number("rcv_space", info.rcv_space.into());
        self.number("rcv_ssthresh", info.rcv_ssthresh.into());
        self.number("notsent", info.not_sent.into());
        if let Some(rtt) = info.min_rtt_us.filter(|rtt| *rtt > 0) {
            self.add(&format!("minrtt:{}", thousandths(rtt)));
        }
        self.number("snd_wnd", info.snd_wnd.into());
    }
}

/// A number of thousandths as `%g` prints it: six digits, no zeros at the end.
fn thousandths(value: u64) -> String {
    significant(value, 3, 6)
}

/// `value` divided by 10 to the power of `decimals`, as `%.*g` prints it with so many digits.
fn significant(value: u64, decimals: u32, digits: u32) -> String {
    let length = value.max(1).ilog10() + 1;
    let surplus = length.saturating_sub(digits);
    let unit = 10_u64.pow(surplus);
    let rounded = (value + unit / 2) / unit * unit;
    let whole_digits = (rounded.max(1).ilog10() + 1).saturating_sub(decimals);
    if whole_digits > digits {
        return exponential(rounded, decimals, digits);
    }
    let scale = 10_u64.pow(decimals);
    let (whole, rest) = (rounded / scale, rounded % scale);
    if rest == 0 {
        return whole.to_string();
    }
    let rest = format!("{rest:0width$}", width = decimals as usize);
    format!("{whole}.{}", rest.trim_end_matches('0'))
}

/// A number that has more digits in front of the point than are printed.
fn exponential(rounded: u64, decimals: u32, digits: u32) -> String {
    let length = rounded.ilog10() + 1;
    let exponent = length - decimals - 1;
    let mantissa = rounded / 10_u64.pow(length.saturating_sub(digits));
    let first = mantissa / 10_u64.pow(digits - 1);
    let rest = format!("{:0w$}", mantissa % 10_u64.pow(digits - 1), w = digits as usize - 1);
    match rest.trim_end_matches('0') {
        "" => format!("{first}e+{exponent:02}"),
        rest => format!("{first}.{rest}e+{exponent:02}"),
    }
}

/// A rate in bits a second (`sprint_bw()`).
fn bandwidth(rate: u64, numeric: bool) -> String {
    let unit = [(12, "T"), (9, "G"), (6, "M"), (3, "k")]
        .into_iter()
        .find(|(power, _)| rate >= 10_u64.pow(*power));
    match unit {
        Some((power, unit)) if !numeric => significant(rate, power, 3) + unit,
        None if !numeric => significant(rate, 0, 6),
        _ => rate.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `printf` of glibc prints them.
    #[test]
    fn numbers_are_those_of_printf() {
        for (value, text) in [
            (57, "0.057"),
            (40, "0.04"),
            (204_000, "204"),
            (1_234_567, "1234.57"),
            (9_999_996, "10000"),
            (1_234_567_890, "1.23457e+06"),
            (0, "0"),
        ] {
            assert_eq!(thousandths(value), text, "{value}");
        }
        for (rate, text) in [
            (45_990_175_439, "46G"),
            (72_089_600_000, "72.1G"),
            (999_900_000_000, "1e+03G"),
            (1_500, "1.5k"),
            (999, "999"),
            (1_000_000_000_000, "1T"),
        ] {
            assert_eq!(bandwidth(rate, false), text, "{rate}");
        }
        assert_eq!(bandwidth(45_990_175_439, true), "45990175439");
    }
}
