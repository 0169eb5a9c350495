//! Capture files: the classic pcap format with microseconds.

use std::time::Duration;

use pcap_file::pcap::{PcapHeader, PcapPacket, PcapReader, PcapTsResolution, PcapWriter};
use pcap_file::{DataLink, Endianness};

use crate::packet::summary::{Captured, LinkType};
use crate::tools::iputils::Ended;
use crate::tools::tcpdump::Output;
use crate::tools::tcpdump::args::{MAX_SNAPLEN, fatal};
use crate::tools::tcpdump::filter::Frame;
use crate::world::{FileId, FileState, OpenMode, Stdin, Sys};

/// What the frames of a capture start with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Link {
    Ethernet,
    Raw,
    Cooked,
}

impl Link {
    fn data_link(self) -> DataLink {
        match self {
            Self::Ethernet => DataLink::ETHERNET,
            Self::Raw => DataLink::RAW,
            Self::Cooked => DataLink::LINUX_SLL2,
        }
    }

    /// The link type's name and description.
    pub(super) fn describe(self) -> &'static str {
        match self {
            Self::Ethernet => "EN10MB (Ethernet)",
            Self::Raw => "RAW (Raw IP)",
            Self::Cooked => "LINUX_SLL2 (Linux cooked v2)",
        }
    }
}

/// Where a capture is written to.
#[derive(Clone, Copy, Debug)]
enum Target {
    Stdout,
    File(FileId),
}

/// A capture file that grows.
#[derive(Clone, Debug)]
pub(super) struct Writer {
    target: Target,
    path: String,
    header: PcapHeader,
}

impl Writer {
    pub(super) fn create(sys: &mut Sys<'_>, path: &str, link: Link, snaplen: usize) -> Self {
        let target = match path {
            "-" => Target::Stdout,
            path => Target::File(sys.open(path, OpenMode::Create)),
        };
        let header = PcapHeader {
            snaplen: u32::try_from(snaplen).unwrap_or(u32::MAX),
            datalink: link.data_link(),
            endianness: Endianness::Little,
            ts_resolution: PcapTsResolution::MicroSecond,
            ..PcapHeader::default()
        };
        let writer = Self { target, path: path.to_owned(), header };
        let bytes = writer.encode(None);
        writer.put(sys, bytes);
        writer
    }

    /// The file's header, or a packet.
    fn encode(&self, packet: Option<&PcapPacket<'_>>) -> Vec<u8> {
        let mut pcap = PcapWriter::with_header(Vec::new(), self.header).expect("memory takes all");
        let Some(packet) = packet else { return pcap.into_inner() };
        pcap.write_packet(packet).expect("memory takes all");
        pcap.into_inner().split_off(PCAP_HEADER_LEN)
    }

    fn put(&self, sys: &mut Sys<'_>, bytes: Vec<u8>) {
        match self.target {
            Target::Stdout => sys.stdout(bytes),
            Target::File(file) => sys.write_file(file, bytes),
        }
    }

    pub(super) fn write(&self, sys: &mut Sys<'_>, unix_us: u64, kept: &[u8], frame: &Captured<'_>) {
        let time = Duration::from_micros(unix_us);
        let wire_len = u32::try_from(frame.wire_len).unwrap_or(u32::MAX);
        if let Ok(packet) = PcapPacket::new(time, wire_len, kept) {
            let bytes = self.encode(Some(&packet));
            self.put(sys, bytes);
        }
    }

    /// Whether the file could be opened and written so far.
    pub(super) fn check(&self, sys: &Sys<'_>) -> Result<(), Ended> {
        let Target::File(file) = self.target else { return Ok(()) };
        match sys.file_state(file) {
            FileState::Opening | FileState::Open => Ok(()),
            FileState::Failed(why) => Err(fatal(format_args!("{}: {why}", self.path))),
        }
    }
}

const PCAP_HEADER_LEN: usize = 24;

/// A capture file that is read.
#[derive(Clone, Debug)]
pub(super) struct Reader {
    file: FileId,
    path: String,
    bytes: Vec<u8>,
}

impl Reader {
    pub(super) fn open(sys: &mut Sys<'_>, path: &str) -> Self {
        let file = sys.open(path, OpenMode::Read);
        Self { file, path: path.to_owned(), bytes: Vec::new() }
    }

    /// Reads on; true when all was read and printed.
    pub(super) fn read(&mut self, sys: &mut Sys<'_>, output: &mut Output) -> Result<bool, Ended> {
        if let FileState::Failed(why) = sys.file_state(self.file) {
            return Err(fatal(format_args!("{}: {why}", self.path)));
        }
        loop {
            match sys.read_file(self.file) {
                Stdin::Data(bytes) => self.bytes.extend(bytes),
                Stdin::Empty => return Ok(false),
                Stdin::Eof => return self.print(sys, output).map(|()| true),
            }
        }
    }

    fn print(&self, sys: &mut Sys<'_>, output: &mut Output) -> Result<(), Ended> {
        let mut reader =
            PcapReader::new(&self.bytes[..]).map_err(|_| fatal("unknown file format"))?;
        let header = reader.header();
        let known = [Link::Ethernet, Link::Raw];
        let link = known.into_iter().find(|link| link.data_link() == header.datalink);
        let link = link.ok_or_else(|| {
            fatal(format_args!("link-type {:?} is not modelled", header.datalink))
        })?;
        let snaplen = if header.snaplen == 0 { MAX_SNAPLEN } else { header.snaplen as usize };
        sys.stderr(format!(
            "reading from file {}, link-type {}, snapshot length {snaplen}\n",
            self.path,
            link.describe()
        ));
        while let Some(packet) = reader.next_packet() {
            let packet = packet.map_err(|_| fatal("truncated dump file"))?;
            if output.is_full() {
                break;
            }
            let link = if link == Link::Ethernet { LinkType::Ethernet } else { LinkType::Raw };
            let frame =
                Captured { link, bytes: packet.data(), wire_len: packet.orig_len() as usize };
            if link != LinkType::Ethernet
                || output.args.filter.passes(&Frame { bytes: packet.data() })
            {
                let us = u64::try_from(packet.timestamp().as_micros()).unwrap_or(u64::MAX);
                output.take(sys, us, &frame);
            }
        }
        Ok(())
    }
}
