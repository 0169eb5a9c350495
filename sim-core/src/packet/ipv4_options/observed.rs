//! What a Linux router and host made of options.

use core::net::Ipv4Addr;

use super::{OptionsHost, OptionsOrigin, build, compile, echo};

/// The machine of the observations, 10.0.1.1.
struct Machine;

impl OptionsHost for Machine {
    fn spec_dst(&mut self) -> Ipv4Addr {
        ADDR
    }

    fn is_foreign_unicast(&mut self, addr: Ipv4Addr) -> bool {
        addr != ADDR
    }

    fn timestamp_ms(&mut self) -> u32 {
        TIME
    }
}

const ADDR: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 1);
/// What stands for the time in the observed options.
const TIME: u32 = 0x7474_7474;

/// Options as they came, after input, and as an echo reply carried them back ("none": no reply was
/// sent). Observed on Linux 6.18.44 in packets that it forwarded and in pings that it answered.
const OBSERVED: &[(&str, &str, &str)] = &[
    ("0107070400000000", "010707080a000101", "0707080a00010100"),
    ("0107070809090909", "0107070809090909", "0707080909090900"),
    ("070b080a0000090000000000", "070b0c0a0000090a00010100", "070b0c0a0000090a00010100"),
    ("4408050000000000", "4408090074747474", "4408090074747474"),
    ("440c05010000000000000000", "440c0d010a00010174747474", "440c0d010a00010174747474"),
    ("440c05030a00010100000000", "440c0d030a00010174747474", "440c0d030a00010174747474"),
    ("440c05030a00010900000000", "440c05030a00010900000000", "440c05030a00010900000000"),
    ("440809e000000000", "440809f000000000", "440809f000000000"),
    ("00010203", "00000000", ""),
    ("94040000", "94040000", ""),
    ("94040001", "94040001", ""),
    ("82040000", "82040000", ""),
    ("88040001", "88040001", ""),
    ("44100501000000000000000000000000", "44100d010a0001017474747400000000", "none"),
    ("440c09000000000000000000", "440c0d000000000074747474", "440c0d000000000074747474"),
    ("440c06000000000000000000", "440c0a000074747474000000", "none"),
    ("4d040101", "4d040101", ""),
];

fn unhex(text: &str) -> Vec<u8> {
    let byte = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).expect("hexadecimal");
    (0..text.len()).step_by(2).map(byte).collect()
}

#[test]
fn linux_treats_options_so() {
    for (came, after_input, echoed) in OBSERVED {
        let mut header = vec![0; 20];
        header.extend(unhex(came));
        let found =
            compile(&mut header[20..], OptionsOrigin::Packet, &mut Machine).expect("options");
        assert_eq!(header[20..], unhex(after_input), "{came} after input");
        let reply = echo(&header, &found, |addr| addr != ADDR).map(|reply| {
            let mut bytes = reply.bytes().to_vec();
            build(&mut bytes, &reply.found, ADDR, Ipv4Addr::new(10, 0, 1, 2), TIME);
            bytes
        });
        let want = if *echoed == "none" { None } else { Some(unhex(echoed)) };
        assert_eq!(reply.ok(), want, "{came} echoed");
    }
}
