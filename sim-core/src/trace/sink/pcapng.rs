//! Captures in pcapng form, as Wireshark and tcpdump read them.

use std::borrow::Cow;
use std::time::Duration;

use pcap_file::DataLink;
use pcap_file::pcapng::PcapNgWriter;
use pcap_file::pcapng::blocks::enhanced_packet::{EnhancedPacketBlock, EnhancedPacketOption};
use pcap_file::pcapng::blocks::interface_description::{
    InterfaceDescriptionBlock, InterfaceDescriptionOption, InterfaceTsResolution,
};
use pcap_file::pcapng::blocks::opt_common::CommonOption;

use crate::time::EPOCH_S;
use crate::trace::Direction;
use crate::trace::record::{Record, What};

/// Nanoseconds, as a power of ten (`if_tsresol`).
const NANOSECONDS: u8 = 9;

/// A capture of one device that grows in memory and is taken out piece by piece.
pub struct Capture {
    writer: PcapNgWriter<Buffer>,
}

/// The bytes that nobody has taken yet.
type Buffer = Vec<u8>;

impl Capture {
    /// Starts a capture on the interface `name`; `ethernet` says whether frames start with an
    /// Ethernet header, else they are IP packets.
    #[must_use]
    pub fn new(name: &str, ethernet: bool) -> Self {
        let link = if ethernet { DataLink::ETHERNET } else { DataLink::RAW };
        let resolution =
            InterfaceTsResolution::new(false, NANOSECONDS).expect("9 is a valid resolution");
        let mut interface = InterfaceDescriptionBlock::new(link, 0);
        interface.options = vec![
            InterfaceDescriptionOption::IfName(Cow::Owned(name.to_owned())),
            InterfaceDescriptionOption::IfTsResol(resolution),
        ];
        let mut writer = PcapNgWriter::new(Buffer::new()).expect("memory takes all");
        writer.write_pcapng_block(interface).expect("memory takes all");
        Self { writer }
    }

    /// Adds a frame; records of other events are passed over. The packet's comment names its flow, so
    /// that one packet can be followed through the captures of all devices.
    pub fn push(&mut self, record: &Record) {
        let What::Frame { direction, hex, .. } = &record.what else { return };
        let comment = format!("flow {}", record.flow);
        let block = EnhancedPacketBlock {
            interface_id: 0,
            timestamp: Duration::from_secs(EPOCH_S) + Duration::from_nanos(record.time_ns),
            original_len: u32::try_from(hex.len()).unwrap_or(u32::MAX),
            data: Cow::Borrowed(hex),
            options: vec![
                EnhancedPacketOption::Common(CommonOption::Comment(Cow::Owned(comment))),
                EnhancedPacketOption::Flags(direction_flag(*direction)),
            ],
        };
        self.writer.write_pcapng_block(block).expect("memory takes all");
    }

    /// Takes the bytes written since the last time; in order they are the file.
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(self.writer.get_mut())
    }
}

/// The direction in the two lowest bits of `epb_flags`.
fn direction_flag(direction: Direction) -> u32 {
    match direction {
        Direction::In => 1,
        Direction::Out => 2,
    }
}

impl std::fmt::Debug for Capture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Capture").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pcap_file::pcapng::{Block, PcapNgReader};

    fn frame(time_ns: u64, bytes: &[u8]) -> Record {
        Record {
            time_ns,
            flow: 7,
            netns: "net1".into(),
            dev: "veth1".into(),
            what: What::Frame {
                direction: Direction::Out,
                pkt_type: 4,
                ethernet: true,
                hex: bytes.to_vec(),
            },
        }
    }

    #[test]
    fn a_capture_taken_in_pieces_reads_back_whole() {
        let mut capture = Capture::new("veth1", true);
        let mut file = capture.take();
        for (time, bytes) in [(1, &[1_u8; 60][..]), (1_000_000_007, &[2; 61][..])] {
            capture.push(&frame(time, bytes));
            file.extend(capture.take());
        }
        let mut reader = PcapNgReader::new(&file[..]).unwrap();
        let mut seen = Vec::new();
        while let Some(block) = reader.next_block() {
            if let (Block::EnhancedPacket(packet), _) = block.unwrap() {
                seen.push((packet.timestamp, packet.data.len()));
            }
        }
        assert_eq!(seen, [(Duration::new(EPOCH_S, 1), 60), (Duration::new(EPOCH_S + 1, 7), 61)]);
    }
}
