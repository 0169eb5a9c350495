//! How tunnels are printed (`print_tunnel()`, `tnl_print_stats()`).

use std::net::Ipv4Addr;

use crate::link::Ipip;
use crate::link::ipip::TunnelProto;
use crate::link::stats::LinkStats;
use crate::tools::ip::link::print::Links;
use crate::tools::ip::options::Options;
use crate::tools::names;
use crate::tools::printer::Printer;

/// A list of tunnels.
pub(super) struct List<'o> {
    p: Printer,
    options: &'o Options,
}

impl<'o> List<'o> {
    pub(super) fn new(options: &'o Options) -> Self {
        Self { p: Printer::list(options), options }
    }

    /// Prints a tunnel, and what it has carried if that is wanted. Line feeds and counters stand between the
    /// objects of JSON too.
    pub(super) fn tunnel(&mut self, name: &str, ipip: &Ipip, stats: &LinkStats, links: &dyn Links) {
        self.p.open_object(None);
        self.parameters(name, ipip, links);
        self.p.close_object();
        if self.options.stats > 0 {
            let line = if self.options.oneline { "\\" } else { "\n" };
            self.counters(stats, line);
        }
        self.p.raw("\n");
    }

    pub(super) fn finish(self) -> String {
        self.p.finish_list()
    }

    fn parameters(&mut self, name: &str, ipip: &Ipip, links: &dyn Links) {
        let p = &mut self.p;
        p.any("ifname", name, format_args!("{name}: "));
        let mode = match ipip.proto {
            TunnelProto::Any => "any/ip",
            TunnelProto::Ipip => "ip/ip",
        };
        p.any("mode", mode, format_args!("{mode} "));
        let text = |addr: Ipv4Addr| match addr.is_unspecified() {
            true => "any".to_owned(),
            false => addr.to_string(),
        };
        let (remote, local) = (ipip.remote, ipip.local);
        p.any("remote", remote.to_string(), format_args!("remote {} ", text(remote)));
        p.any("local", local.to_string(), format_args!("local {}", text(local)));
        if ipip.link.0 != 0 {
            let dev = links.link_name(ipip.link);
            p.any("dev", dev.as_str(), format_args!(" dev {dev}"));
        }
        match ipip.ttl {
            0 => p.text(" ttl inherit"),
            ttl => p.any("ttl", ttl, format_args!(" ttl {ttl}")),
        }
        tos(p, ipip.tos, self.options.numeric);
        if !ipip.pmtudisc {
            p.any("nopmtudisc", crate::tools::json::Scalar::Null, format_args!(" nopmtudisc"));
        }
    }

    fn counters(&mut self, stats: &LinkStats, line: &str) {
        let (rx, tx) = (&stats.rx, &stats.tx);
        let text = format!(
            "{line}RX: Packets    Bytes        Errors CsumErrs OutOfSeq Mcasts{line}    \
             {:<10} {:<12} {:<6} {:<8} {:<8} {:<8}{line}\
             TX: Packets    Bytes        Errors DeadLoop NoRoute  NoBufs{line}    \
             {:<10} {:<12} {:<6} {:<8} {:<8} {:<6}",
            rx.packets,
            rx.bytes,
            rx.errors,
            stats.rx_frame_errors,
            0,
            stats.multicast,
            tx.packets,
            tx.bytes,
            tx.errors,
            stats.collisions,
            stats.tx_carrier_errors,
            tx.dropped,
        );
        self.p.raw(&text);
    }
}

/// An outer type of service, or that it is the inner one's, or both.
fn tos(p: &mut Printer, tos: u8, numeric: bool) {
    let name = |tos| names::dsfield_name(tos, numeric);
    match (tos & 1, tos & !1) {
        (0, 0) => {}
        (1, 0) => p.text(" tos inherit"),
        (1, rest) => p.any("tos", &*name(tos), format_args!(" tos inherit/{}", name(rest))),
        (_, _) => p.any("tos", &*name(tos), format_args!(" tos {}", name(tos))),
    }
}
