//! What marks become. Each was seen on Linux 6.18: the packet's mark and the connection's, before and after.

use crate::ip::lab::Bench;
use crate::netfilter::Hook;
use crate::netfilter::xtables::targets::Sentence;

use super::lab::{apply, conns, flight, track};

/// A datagram 10.0.1.2:5000 > 10.0.2.2:100.
const DATAGRAM: &str = "4510001e00014000401123bb0a0001020a00020213880064000a63ba7130";
/// The packet's mark, and the connection's, before.
const BEFORE: (u32, u32) = (0xabcd, 0x1234);

const OBSERVED: &[(&str, u32, u32)] = &[
    ("MARK --set-xmark 0x1f/0xf0", 0xab12, 0x1234),
    ("MARK --and-mark 0x3c", 0xc, 0x1234),
    ("MARK --or-mark 0x3c", 0xabfd, 0x1234),
    ("MARK --xor-mark 0x3c", 0xabf1, 0x1234),
    ("MARK --set-mark 0x30/0xf0", 0xab3d, 0x1234),
    ("CONNMARK --set-xmark 0x1f/0xf0", 0xabcd, 0x121b),
    ("CONNMARK --set-mark 0x3 --left-shift-mark 4", 0xabcd, 0x30),
    ("CONNMARK --xor-mark 0xff --right-shift-mark 4", 0xabcd, 0x12c),
    ("CONNMARK --save-mark", 0xabcd, 0xabcd),
    ("CONNMARK --save-mark --mask 0xf0", 0xabcd, 0x12c4),
    ("CONNMARK --save-mark --nfmask 0xff --ctmask 0xf00", 0xabcd, 0x10f9),
    ("CONNMARK --save-mark --nfmask 0xff --ctmask 0xff00 --left-shift-mark 8", 0xabcd, 0xcd34),
    ("CONNMARK --restore-mark", 0x1234, 0x1234),
    ("CONNMARK --restore-mark --mask 0xf0", 0xab3d, 0x1234),
    ("CONNMARK --restore-mark --nfmask 0xf --ctmask 0xff00 --right-shift-mark 8", 0xabd2, 0x1234),
    ("CONNMARK --restore-mark --nfmask 0xff --ctmask 0xf --left-shift-mark 4", 0xab40, 0x1234),
    ("CONNMARK --save-mark --left-shift-mark 31", 0xabcd, 0x8000_0000),
];

#[test]
fn marks_of_packets_and_connections_become_what_the_kernel_makes_of_them() {
    for (rule, packet, connection) in OBSERVED {
        let mut bench = Bench::new();
        let mut f = flight(&mut bench, Hook::Output, DATAGRAM);
        f.skb.meta.mark = BEFORE.0;
        let id = track(&mut bench, &mut f, BEFORE.1);
        let sentence = apply(&mut bench, &mut f, &format!("mangle OUTPUT -j {rule}"));
        assert_eq!(sentence, Sentence::Continue);
        let conn = conns(&mut bench, f.netns).get(id).unwrap();
        assert_eq!((f.skb.meta.mark, conn.mark), (*packet, *connection), "{rule}");
        assert_eq!(conn.pending != 0, conn.mark != BEFORE.1, "{rule}");
    }
}

#[test]
fn a_packet_without_a_connection_keeps_its_mark() {
    let mut bench = Bench::new();
    let mut f = flight(&mut bench, Hook::Output, DATAGRAM);
    f.skb.meta.mark = 7;
    apply(&mut bench, &mut f, "mangle OUTPUT -j CONNMARK --restore-mark");
    assert_eq!(f.skb.meta.mark, 7);
}
