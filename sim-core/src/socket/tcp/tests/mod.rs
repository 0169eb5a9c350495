//! TCP against transcripts of Linux 6.18.

mod ends;
mod invariants;
mod storm;
mod strangers;
mod streams;
mod wire;

use proptest::test_runner::Config;

use crate::socket::tcp::replay::replay;

/// One test a transcript.
macro_rules! transcripts {
    ($($name:ident = $file:literal;)*) => {$(
        #[test]
        fn $name() {
            replay(include_str!(concat!("../transcripts/", $file, ".txt")));
        }
    )*};
}

transcripts! {
    a_small_exchange_has_the_segments_of_linux = "handshake";
    segments_for_nobody_are_reset_as_by_linux = "refused";
    connections_end_as_on_linux = "close";
    a_lot_of_data_is_cut_and_acknowledged_as_by_linux = "bulk";
    small_writes_wait_as_on_linux = "nagle";
    a_full_accept_queue_is_that_of_linux = "backlog";
    segments_that_do_not_fit_are_answered_as_by_linux = "rst";
    requests_are_handled_as_by_linux = "synrecv";
    windows_close_under_a_reader_who_does_not_read_as_on_linux = "unread";
    loopback_is_acknowledged_as_by_linux = "lo";
    a_small_buffer_fills_as_on_linux = "edges";
    two_that_open_at_once_are_those_of_linux = "cross";
    ports_are_used_again_at_once_as_on_linux = "reuse";
    the_end_of_a_stream_stays_its_end_as_on_linux = "done";
}

/// A quarter of the usual number of cases: each of them takes its time.
fn a_quarter() -> Config {
    let usual = Config::default();
    Config { cases: usual.cases / 4, ..usual }
}
