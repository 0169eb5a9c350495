//! A device's counters, in columns that grow with their numbers (`print_stats64()`).

use crate::netlink::message::LinkMsg;
use crate::tools::ip::options::Options;
use crate::tools::printer::Printer;

/// The widths of the seven columns before anything is printed.
const WIDTHS: [usize; 7] = [10, 7, 6, 7, 7, 7, 10];

/// The width of a column that is there only if there is something in it.
const OTHERHOST: usize = 9;

/// Prints the counters of a device, without the last line feed.
pub(crate) fn print(p: &mut Printer, msg: &LinkMsg, options: &Options) {
    if p.is_json() {
        json(p, msg, options.stats > 1);
    } else {
        text(p, msg, options);
    }
}

fn json(p: &mut Printer, msg: &LinkMsg, errors: bool) {
    let (rx, tx) = (&msg.stats.rx, &msg.stats.tx);
    p.open_object(Some("stats64"));
    p.open_object(Some("rx"));
    members(p, &[("bytes", rx.bytes), ("packets", rx.packets), ("errors", rx.errors)]);
    members(p, &[("dropped", rx.dropped), ("over_errors", 0), ("multicast", msg.stats.multicast)]);
    if errors {
        let frame = msg.stats.rx_frame_errors;
        members(p, &[("length_errors", 0), ("crc_errors", 0), ("frame_errors", frame)]);
        members(p, &[("fifo_errors", 0), ("missed_errors", 0)]);
        if msg.stats.rx_otherhost > 0 {
            members(p, &[("otherhost", msg.stats.rx_otherhost)]);
        }
    }
    p.close_object();
    p.open_object(Some("tx"));
    members(p, &[("bytes", tx.bytes), ("packets", tx.packets), ("errors", tx.errors)]);
    let carrier = msg.stats.tx_carrier_errors;
    members(p, &[("dropped", tx.dropped), ("carrier_errors", carrier)]);
    members(p, &[("collisions", msg.stats.collisions)]);
    if errors {
        members(p, &[("aborted_errors", 0), ("fifo_errors", 0), ("window_errors", 0)]);
        members(p, &[("heartbeat_errors", 0), ("carrier_changes", msg.carrier_changes.into())]);
    }
    p.close_object();
    p.close_object();
}

fn members(p: &mut Printer, members: &[(&str, u64)]) {
    for (key, value) in members {
        p.json(key, *value);
    }
}

fn text(p: &mut Printer, msg: &LinkMsg, options: &Options) {
    let (rx, tx) = (&msg.stats.rx, &msg.stats.tx);
    let received = [rx.bytes, rx.packets, rx.errors, rx.dropped, 0, msg.stats.multicast];
    let carrier = msg.stats.tx_carrier_errors;
    let sent = [tx.bytes, tx.packets, tx.errors, tx.dropped, carrier, msg.stats.collisions];
    let rx_errors = [0, 0, msg.stats.rx_frame_errors, 0, 0];
    let tx_errors = [0, 0, 0, 0, msg.carrier_changes.into()];
    let mut widths = WIDTHS;
    if !options.human {
        for (i, (a, b)) in received.iter().zip(&sent).enumerate() {
            widths[i] = widths[i].max(a.max(b).to_string().len());
        }
    }
    if !options.human && options.stats > 1 {
        for (width, (a, b)) in widths[1..].iter_mut().zip(rx_errors.iter().zip(&tx_errors)) {
            *width = (*width).max(a.max(b).to_string().len());
        }
    }
    let table = Table { widths, options };
    let names = ["bytes", "packets", "errors", "dropped", "missed", "mcast", ""];
    table.rows(p, "RX", names, &received);
    if options.stats > 1 {
        p.new_line();
        let otherhost = Some(msg.stats.rx_otherhost).filter(|count| *count > 0);
        let names = ["length", "crc", "frame", "fifo", "overrun"];
        table.error_rows(p, "RX", names, rx_errors, otherhost);
    }
    p.new_line();
    let names = ["bytes", "packets", "errors", "dropped", "carrier", "collsns", ""];
    table.rows(p, "TX", names, &sent);
    if options.stats > 1 {
        p.new_line();
        let names = ["aborted", "fifo", "window", "heartbt", "transns"];
        table.error_rows(p, "TX", names, tx_errors, None);
    }
}

struct Table<'o> {
    widths: [usize; 7],
    options: &'o Options,
}

impl Table<'_> {
    fn rows(&self, p: &mut Printer, direction: &str, names: [&str; 7], values: &[u64; 6]) {
        let w = &self.widths;
        p.fmt(format_args!("    {direction}: {:>1$}", names[0], w[0] - 4));
        for (name, width) in names.iter().zip(w).skip(1) {
            p.fmt(format_args!(" {name:>width$}"));
        }
        p.new_line();
        p.text("    ");
        for (value, width) in values.iter().zip(w) {
            p.fmt(format_args!("{:>width$} ", number(*value, self.options)));
        }
    }

    fn error_rows(
        &self,
        p: &mut Printer,
        direction: &str,
        names: [&str; 5],
        values: [u64; 5],
        otherhost: Option<u64>,
    ) {
        let w = &self.widths;
        p.fmt(format_args!("    {direction} errors:{:1$}", "", w[0] - 10));
        for (name, width) in names.iter().zip(&w[1..]) {
            p.fmt(format_args!(" {name:>width$}"));
        }
        if otherhost.is_some() {
            p.text(" otherhost");
        }
        p.new_line();
        p.fmt(format_args!("{:1$}", "", w[0] + 5));
        for (value, width) in values.iter().zip(&w[1..]) {
            p.fmt(format_args!("{:>width$} ", number(*value, self.options)));
        }
        if let Some(count) = otherhost {
            p.fmt(format_args!("{:>OTHERHOST$} ", number(count, self.options)));
        }
    }
}

/// A counter, with a suffix and at most two decimals if that was asked for (`print_num()`).
fn number(count: u64, options: &Options) -> String {
    let base: u64 = if options.iec { 1024 } else { 1000 };
    if !options.human || count < base {
        return count.to_string();
    }
    let mut prefixes = "kMGTPE".chars().peekable();
    let mut unit: u64 = 1;
    let mut prefix = 'k';
    while let Some(next) = prefixes.next() {
        unit = unit.saturating_mul(base);
        prefix = next;
        if count / base < unit || prefixes.peek().is_none() {
            break;
        }
    }
    let whole = count / unit;
    let decimals = if whole < 10 {
        2
    } else if whole < 100 {
        1
    } else {
        0
    };
    let (scale, half) = (10_u128.pow(decimals), u128::from(unit) / 2);
    let scaled = (u128::from(count) * scale + half) / u128::from(unit);
    let width = decimals as usize;
    let suffix = if options.iec { "i" } else { "" };
    match decimals {
        0 => format!("{scaled}{prefix}{suffix}"),
        _ => format!("{}.{:0width$}{prefix}{suffix}", scaled / scale, scaled % scale),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `ip -h -s link` prints counters of these sizes.
    #[test]
    fn human_numbers_have_three_digits() {
        let human = Options { human: true, ..Options::default() };
        for (count, text) in [
            (0, "0"),
            (999, "999"),
            (1000, "1.00k"),
            (1234, "1.23k"),
            (12345, "12.3k"),
            (123_456, "123k"),
            (1_234_567, "1.23M"),
        ] {
            assert_eq!(number(count, &human), text);
        }
        let iec = Options { iec: true, ..human };
        assert_eq!(number(2048, &iec), "2.00ki");
    }
}
