use super::*;

/// A SYN from 10.0.1.2:40000 (02:...:01) to 10.0.3.2:80 (02:...:02).
fn syn() -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0];
    frame.extend([0x45, 0, 0, 40, 0, 1, 0x40, 0, 64, 6, 0, 0, 10, 0, 1, 2, 10, 0, 3, 2]);
    frame.extend([0x9c, 0x40, 0, 80, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 0xfa, 0xf0, 0, 0, 0, 0]);
    frame
}

/// 10.0.1.2 asks all for 10.0.1.1.
fn arp() -> Vec<u8> {
    let mut frame = vec![0xff; 6];
    frame.extend([2, 0, 0, 0, 0, 1, 8, 6, 0, 1, 8, 0, 6, 4, 0, 1]);
    frame.extend([2, 0, 0, 0, 0, 1, 10, 0, 1, 2, 0, 0, 0, 0, 0, 0, 10, 0, 1, 1]);
    frame
}

fn passes(filter: &str, frame: &[u8]) -> bool {
    parse(filter).unwrap().passes(&Frame { bytes: frame })
}

#[test]
fn primitives_mean_what_pcap_filter_says() {
    for (filter, takes_syn, takes_arp) in [
        ("", true, true),
        ("ip", true, false),
        ("arp", false, true),
        ("tcp", true, false),
        ("udp or arp", false, true),
        ("host 10.0.1.2", true, true),
        ("10.0.1.2", true, true),
        ("src host 10.0.1.2", true, true),
        ("dst host 10.0.1.2", false, false),
        ("ip host 10.0.1.2", true, false),
        ("arp host 10.0.1.1", false, true),
        ("src 10.0.1.2 and dst 10.0.3.2", true, false),
        ("net 10.0.1.0/24", true, true),
        ("dst net 10.0.3", true, false),
        ("net 10.0.0.0 mask 255.255.0.0", true, true),
        ("port 80", true, false),
        ("tcp port 80", true, false),
        ("tcp dst port http", true, false),
        ("udp port 80", false, false),
        ("src port 80", false, false),
        ("tcp port 443 or 80", true, false),
        ("portrange 70-90", true, false),
        ("ether host 02:00:00:00:00:01", true, true),
        ("ether dst 02:00:00:00:00:02", true, false),
        ("ether broadcast", false, true),
        ("not arp", true, false),
        ("not (arp or udp)", true, false),
        ("ether proto 0x0806", false, true),
        ("ip proto \\tcp", true, false),
        ("greater 50", true, false),
        ("less 50", false, true),
        ("tcp[tcpflags] & (tcp-syn|tcp-fin) != 0", true, false),
        ("tcp[13] & 16 != 0", false, false),
        ("tcp[tcpflags] == tcp-syn", true, false),
        ("ip[8] = 64", true, false),
        ("ip[2:2] == 40 and tcp[2:2] = 80", true, false),
        ("(ip[0] & 0xf) << 2 = 20", true, false),
        ("arp[6:2] = 1", false, true),
        ("len > 50", true, false),
        ("icmp[icmptype] = icmp-echo", false, false),
        ("tcp[100] = 0 or arp", false, true),
    ] {
        assert_eq!(passes(filter, &syn()), takes_syn, "{filter}: SYN");
        assert_eq!(passes(filter, &arp()), takes_arp, "{filter}: ARP");
    }
}

/// Seen on tcpdump 4.99.3.
#[test]
fn bad_filters_are_refused_in_the_real_words() {
    for (filter, message) in [
        ("foo", "can't parse filter expression: syntax error"),
        ("tcp port", "can't parse filter expression: syntax error"),
        ("and", "can't parse filter expression: syntax error"),
        ("(", "can't parse filter expression: syntax error"),
        ("tcp[13", "can't parse filter expression: syntax error"),
        ("host foo", "unknown host 'foo'"),
        ("port 99999", "illegal port number 99999 > 65535"),
        ("port foo", "unknown port 'foo'"),
        ("net 10.0.0.1/24", "non-network bits set in \"10.0.0.1/24\""),
        ("ip proto foo", "unknown ip proto 'foo'"),
        ("ether host 1.2.3.4", "illegal link layer address"),
    ] {
        assert_eq!(parse(filter), Err(message.to_owned()), "{filter}");
    }
}

#[test]
fn deep_nesting_is_refused() {
    assert!(parse(&"(".repeat(10_000)).is_err());
    assert!(parse(&"not ".repeat(10_000)).is_err());
}
