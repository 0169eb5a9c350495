//! What shims and the lab's server say to each other over their socket.
//!
//! A message is a frame: four bytes with the length of the rest (little-endian, at most
//! [`MAX_FRAME`]), one byte that says which message it is, and its content. Bytes of streams stand as
//! they are, file numbers as four bytes (little-endian), structured content as JSON. The first
//! message of a shim is [`ToServer::Hello`], and nothing follows [`ToShim::Exec`], [`ToShim::Exit`],
//! [`ToShim::Ended`] or [`ToShim::Refused`].

use serde::{Deserialize, Serialize};
use serde_json::{from_slice, to_vec};
use sim_core::world::{FileAnswer, FileId, OpenMode, Signal};
use thiserror::Error;

/// Changes with every change of the messages; both sides come from one binary, but a lab may outlive
/// the binary that started it.
pub(crate) const VERSION: u32 = 1;

/// The longest frame, in bytes without the length itself.
pub(crate) const MAX_FRAME: usize = 1 << 20;

/// The longest piece of a stream that is sent at once, in bytes.
pub(crate) const PIECE: usize = 1 << 16;

/// Something that is no message.
#[derive(Debug, Error, PartialEq, Eq)]
pub(crate) enum ProtocolError {
    /// A frame longer than [`MAX_FRAME`], or without a kind.
    #[error("a frame of {0} bytes")]
    Length(usize),
    /// A kind that there is none of, or content that is not of its kind.
    #[error("a bad message of kind {0}")]
    Message(u8),
}

/// The first message of a shim: how it was called.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Hello {
    pub(crate) version: u32,
    /// The words of the command; the first is the tool's name without its folder.
    pub(crate) argv: Vec<String>,
    /// What the environment says about the namespace: the server's own words of an earlier
    /// [`ToShim::Exec`].
    pub(crate) netns: Option<String>,
    pub(crate) to_terminal: bool,
    pub(crate) columns: Option<u16>,
}

/// What a shim tells the server.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum ToServer {
    Hello(Hello),
    /// The answer to [`ToShim::ReadStdin`]; no bytes mean the end of the input.
    Stdin(Vec<u8>),
    Signal(Signal),
    File(FileId, FileAnswer),
}

/// What the server tells a shim.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum ToShim {
    Stdout(Vec<u8>),
    Stderr(Vec<u8>),
    /// Asks for one piece of standard input.
    ReadStdin,
    Open(FileId, OpenMode, String),
    /// Asks for one piece of a file.
    Read(FileId),
    Write(FileId, Vec<u8>),
    Exec(Exec),
    Exit(u8),
    /// The lab is over.
    Ended,
    /// The server does not serve this shim, and why.
    Refused(String),
}

/// What the shim is to become.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Exec {
    /// The value of the environment variable that names the namespace.
    pub(crate) netns: String,
    pub(crate) argv: Vec<String>,
}

impl ToServer {
    /// The message as a frame.
    pub(crate) fn frame(&self) -> Vec<u8> {
        match self {
            Self::Hello(hello) => frame(1, &[&json(hello)]),
            Self::Stdin(bytes) => frame(2, &[bytes]),
            Self::Signal(Signal::Interrupt) => frame(3, &[]),
            Self::Signal(Signal::Quit) => frame(4, &[]),
            Self::File(file, FileAnswer::Opened) => frame(5, &[&number(*file)]),
            Self::File(file, FileAnswer::Data(bytes)) => frame(6, &[&number(*file), bytes]),
            Self::File(file, FileAnswer::Failed(why)) => {
                frame(7, &[&number(*file), why.as_bytes()])
            }
        }
    }

    /// Reads the content of a frame.
    pub(crate) fn parse(kind: u8, content: &[u8]) -> Result<Self, ProtocolError> {
        let bad = || ProtocolError::Message(kind);
        let file = || content.split_at_checked(4).ok_or_else(bad);
        Ok(match (kind, content) {
            (1, _) => Self::Hello(from_slice(content).map_err(|_| bad())?),
            (2, _) => Self::Stdin(content.to_vec()),
            (3, []) => Self::Signal(Signal::Interrupt),
            (4, []) => Self::Signal(Signal::Quit),
            (5, [_, _, _, _]) => Self::File(parse_number(content), FileAnswer::Opened),
            (6, _) => {
                let (file, bytes) = file()?;
                Self::File(parse_number(file), FileAnswer::Data(bytes.to_vec()))
            }
            (7, _) => {
                let (file, why) = file()?;
                Self::File(parse_number(file), FileAnswer::Failed(text(why).ok_or_else(bad)?))
            }
            _ => return Err(bad()),
        })
    }
}

impl ToShim {
    /// The message as a frame.
    pub(crate) fn frame(&self) -> Vec<u8> {
        match self {
            Self::Stdout(bytes) => frame(1, &[bytes]),
            Self::Stderr(bytes) => frame(2, &[bytes]),
            Self::ReadStdin => frame(3, &[]),
            Self::Open(file, OpenMode::Read, path) => frame(4, &[&number(*file), path.as_bytes()]),
            Self::Open(file, OpenMode::Create, path) => {
                frame(5, &[&number(*file), path.as_bytes()])
            }
            Self::Read(file) => frame(6, &[&number(*file)]),
            Self::Write(file, bytes) => frame(7, &[&number(*file), bytes]),
            Self::Exec(exec) => frame(8, &[&json(exec)]),
            Self::Exit(status) => frame(9, &[&[*status]]),
            Self::Ended => frame(10, &[]),
            Self::Refused(why) => frame(11, &[why.as_bytes()]),
        }
    }

    /// Reads the content of a frame.
    pub(crate) fn parse(kind: u8, content: &[u8]) -> Result<Self, ProtocolError> {
        let bad = || ProtocolError::Message(kind);
        let file = || content.split_at_checked(4).ok_or_else(bad);
        let opened = |mode| {
            let (file, path) = file()?;
            Ok(Self::Open(parse_number(file), mode, text(path).ok_or_else(bad)?))
        };
        Ok(match (kind, content) {
            (1, _) => Self::Stdout(content.to_vec()),
            (2, _) => Self::Stderr(content.to_vec()),
            (3, []) => Self::ReadStdin,
            (4, _) => opened(OpenMode::Read)?,
            (5, _) => opened(OpenMode::Create)?,
            (6, [_, _, _, _]) => Self::Read(parse_number(content)),
            (7, _) => {
                let (file, bytes) = file()?;
                Self::Write(parse_number(file), bytes.to_vec())
            }
            (8, _) => Self::Exec(from_slice(content).map_err(|_| bad())?),
            (9, [status]) => Self::Exit(*status),
            (10, []) => Self::Ended,
            (11, _) => Self::Refused(text(content).ok_or_else(bad)?),
            _ => return Err(bad()),
        })
    }
}

/// Collects received bytes and cuts them into frames.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    received: Vec<u8>,
    used: usize,
}

impl Decoder {
    /// Adds what was received.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.received.drain(..self.used);
        self.used = 0;
        self.received.extend_from_slice(bytes);
    }

    /// Takes the next whole frame: its kind and content.
    pub(crate) fn next_frame(&mut self) -> Result<Option<(u8, &[u8])>, ProtocolError> {
        let rest = &self.received[self.used..];
        let Some((length, rest)) = rest.split_first_chunk() else { return Ok(None) };
        let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
        if length == 0 || length > MAX_FRAME {
            return Err(ProtocolError::Length(length));
        }
        let Some(frame) = rest.get(..length) else { return Ok(None) };
        self.used += 4 + length;
        Ok(frame.split_first().map(|(kind, content)| (*kind, content)))
    }
}

/// Puts a frame together. Content that is too long for one becomes an empty frame, which the other
/// side refuses.
fn frame(kind: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length = 1 + parts.iter().map(|part| part.len()).sum::<usize>();
    let Some(length) = u32::try_from(length).ok().filter(|n| *n as usize <= MAX_FRAME) else {
        return vec![0; 4];
    };
    let mut frame = length.to_le_bytes().to_vec();
    frame.push(kind);
    frame.extend(parts.iter().copied().flatten());
    frame
}

fn json(value: &impl Serialize) -> Vec<u8> {
    to_vec(value).expect("messages have no map keys but strings")
}

fn number(file: FileId) -> [u8; 4] {
    file.0.to_le_bytes()
}

fn parse_number(bytes: &[u8]) -> FileId {
    FileId(bytes.iter().rev().fold(0, |n, byte| n << 8 | u32::from(*byte)))
}

fn text(bytes: &[u8]) -> Option<String> {
    String::from_utf8(bytes.to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn hello() -> ToServer {
        ToServer::Hello(Hello {
            version: VERSION,
            argv: vec!["ip".into(), "link".into()],
            netns: Some("3:net1".into()),
            to_terminal: true,
            columns: Some(80),
        })
    }

    fn to_server() -> Vec<ToServer> {
        let file = FileId(0x0102_0304);
        vec![
            hello(),
            ToServer::Stdin(b"abc".to_vec()),
            ToServer::Stdin(Vec::new()),
            ToServer::Signal(Signal::Interrupt),
            ToServer::Signal(Signal::Quit),
            ToServer::File(file, FileAnswer::Opened),
            ToServer::File(file, FileAnswer::Data(vec![0; 3])),
            ToServer::File(file, FileAnswer::Failed("Is a directory".into())),
        ]
    }

    fn to_shim() -> Vec<ToShim> {
        let file = FileId(7);
        vec![
            ToShim::Stdout(vec![0, 255]),
            ToShim::Stderr(Vec::new()),
            ToShim::ReadStdin,
            ToShim::Open(file, OpenMode::Read, "a b".into()),
            ToShim::Open(file, OpenMode::Create, "/x".into()),
            ToShim::Read(file),
            ToShim::Write(file, b"x".to_vec()),
            ToShim::Exec(Exec { netns: "1:a".into(), argv: vec!["sh".into()] }),
            ToShim::Exit(2),
            ToShim::Ended,
            ToShim::Refused("no".into()),
        ]
    }

    #[test]
    fn messages_cut_into_single_bytes_arrive_whole() {
        let mut decoder = Decoder::default();
        let mut arrived = Vec::new();
        for byte in to_server().iter().flat_map(ToServer::frame) {
            decoder.push(&[byte]);
            while let Some((kind, content)) = decoder.next_frame().unwrap() {
                arrived.push(ToServer::parse(kind, content).unwrap());
            }
        }
        assert_eq!(arrived, to_server());
    }

    #[test]
    fn messages_glued_together_arrive_one_by_one() {
        let mut decoder = Decoder::default();
        decoder.push(&to_shim().iter().flat_map(ToShim::frame).collect::<Vec<_>>());
        let mut arrived = Vec::new();
        while let Some((kind, content)) = decoder.next_frame().unwrap() {
            arrived.push(ToShim::parse(kind, content).unwrap());
        }
        assert_eq!(arrived, to_shim());
    }

    #[test]
    fn frames_of_impossible_length_are_refused() {
        for length in [0_u32, 1 << 20 | 1, u32::MAX] {
            let mut decoder = Decoder::default();
            decoder.push(&length.to_le_bytes());
            assert_eq!(decoder.next_frame(), Err(ProtocolError::Length(length as usize)));
        }
    }

    #[test]
    fn content_that_is_not_of_its_kind_is_refused() {
        for (kind, content) in [
            (0, &b""[..]),
            (1, b"{"),
            (3, b"x"),
            (5, b"abc"),
            (6, b"abc"),
            (7, b"abcd\xff"),
            (99, b""),
        ] {
            assert_eq!(ToServer::parse(kind, content), Err(ProtocolError::Message(kind)));
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_decoder_panic_or_hold_more_than_it_was_given(
            pieces in vec(vec(any::<u8>(), 0..40), 0..20),
        ) {
            let mut decoder = Decoder::default();
            let (mut given, mut taken) = (0, 0);
            for piece in pieces {
                given += piece.len();
                decoder.push(&piece);
                while let Ok(Some((kind, content))) = decoder.next_frame() {
                    taken += 5 + content.len();
                    let _either = ToServer::parse(kind, content);
                    let _either = ToShim::parse(kind, content);
                }
            }
            prop_assert!(taken <= given);
        }

        #[test]
        fn what_parses_is_written_as_it_was_read(kind in 2_u8..8, content in vec(any::<u8>(), 0..9)) {
            if let Ok(message) = ToServer::parse(kind, &content) {
                prop_assert_eq!(&message.frame()[5..], &content[..]);
            }
        }
    }
}
