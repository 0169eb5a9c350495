//! SCTP (`net/netfilter/nf_conntrack_proto_sctp.c`).

use crate::netfilter::conntrack::event::Event;
use crate::netfilter::conntrack::proto::{ProtoCx, ProtoState, Ruling};
use crate::netfilter::conntrack::{Conn, Dir, Status};
use crate::sysctl::Sysctl;

/// The state of an association (`enum sctp_conntrack`), with Linux' numbers.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum State {
    /// Nothing was seen.
    #[default]
    None,
    /// It is over, or has just begun with an INIT.
    Closed,
    /// An INIT ACK.
    CookieWait,
    /// A COOKIE ECHO.
    CookieEchoed,
    /// A COOKIE ACK.
    Established,
    /// A SHUTDOWN from the side that began.
    ShutdownSent,
    /// A SHUTDOWN from the other side.
    ShutdownRecd,
    /// A SHUTDOWN ACK.
    ShutdownAckSent,
    /// A HEARTBEAT on a path of its own.
    HeartbeatSent,
}

impl State {
    /// How many there are.
    const COUNT: usize = Self::ALL.len();

    /// All states, by number.
    pub const ALL: [Self; 9] = [
        Self::None,
        Self::Closed,
        Self::CookieWait,
        Self::CookieEchoed,
        Self::Established,
        Self::ShutdownSent,
        Self::ShutdownRecd,
        Self::ShutdownAckSent,
        Self::HeartbeatSent,
    ];

    /// The name that tools print.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "NONE",
            Self::Closed => "CLOSED",
            Self::CookieWait => "COOKIE_WAIT",
            Self::CookieEchoed => "COOKIE_ECHOED",
            Self::Established => "ESTABLISHED",
            Self::ShutdownSent => "SHUTDOWN_SENT",
            Self::ShutdownRecd => "SHUTDOWN_RECD",
            Self::ShutdownAckSent => "SHUTDOWN_ACK_SENT",
            Self::HeartbeatSent => "HEARTBEAT_SENT",
        }
    }
}

/// The types of chunk that matter here (RFC 9260 section 3.2).
mod chunk {
    pub(super) const DATA: u8 = 0;
    pub(super) const INIT: u8 = 1;
    pub(super) const INIT_ACK: u8 = 2;
    pub(super) const HEARTBEAT: u8 = 4;
    pub(super) const HEARTBEAT_ACK: u8 = 5;
    pub(super) const ABORT: u8 = 6;
    pub(super) const SHUTDOWN: u8 = 7;
    pub(super) const SHUTDOWN_ACK: u8 = 8;
    pub(super) const ERROR: u8 = 9;
    pub(super) const COOKIE_ECHO: u8 = 10;
    pub(super) const COOKIE_ACK: u8 = 11;
    pub(super) const SHUTDOWN_COMPLETE: u8 = 14;
    /// The flag that says that the tag is the peer's own.
    pub(super) const FLAG_T: u8 = 1;
}

/// What SCTP remembers (`struct ip_ct_sctp`).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct SctpConn {
    /// The state.
    pub state: State,
    /// The verification tag that packets carry in each direction, by [`Dir::index`]; 0 if it is not known.
    pub vtag: [u32; 2],
    /// Whether each side has sent an INIT, by [`Dir::index`], until a COOKIE ACK: if both have, they collide.
    pub init: [bool; 2],
    /// The direction of a HEARTBEAT whose tag was wrong, until it is answered.
    pub heartbeat_failed: Option<Dir>,
}

impl SctpConn {
    /// Whether the association is being closed (`sctp_can_early_drop()`).
    #[must_use]
    pub const fn is_closing(&self) -> bool {
        matches!(self.state, State::ShutdownSent | State::ShutdownRecd | State::ShutdownAckSent)
    }
}

const CL: Option<State> = Some(State::Closed);
const CW: Option<State> = Some(State::CookieWait);
const CE: Option<State> = Some(State::CookieEchoed);
const ES: Option<State> = Some(State::Established);
const SS: Option<State> = Some(State::ShutdownSent);
const SR: Option<State> = Some(State::ShutdownRecd);
const SA: Option<State> = Some(State::ShutdownAckSent);
const HS: Option<State> = Some(State::HeartbeatSent);
const IV: Option<State> = None;

/// Chunks in the order of the rows below.
const ROWS: [u8; 11] = [
    chunk::INIT,
    chunk::INIT_ACK,
    chunk::ABORT,
    chunk::SHUTDOWN,
    chunk::SHUTDOWN_ACK,
    chunk::ERROR,
    chunk::COOKIE_ECHO,
    chunk::COOKIE_ACK,
    chunk::SHUTDOWN_COMPLETE,
    chunk::HEARTBEAT,
    chunk::HEARTBEAT_ACK,
];

/// What each chunk does to each state (`sctp_conntracks`), by direction, chunk and state: NONE, CLOSED, COOKIE_WAIT,
/// COOKIE_ECHOED, ESTABLISHED, SHUTDOWN_SENT, SHUTDOWN_RECD, SHUTDOWN_ACK_SENT, HEARTBEAT_SENT. None is invalid.
#[rustfmt::skip]
const TRANSITIONS: [[[Option<State>; State::COUNT]; ROWS.len()]; 2] = [
    // The side that began.
    [
        /* INIT              */ [CL, CL, CW, CE, ES, CL, CL, SA, CW],
        /* INIT ACK          */ [CL, CL, CW, CE, ES, SS, SR, SA, CL],
        /* ABORT             */ [CL, CL, CL, CL, CL, CL, CL, CL, CL],
        /* SHUTDOWN          */ [CL, CL, CW, CE, SS, SS, SR, SA, CL],
        /* SHUTDOWN ACK      */ [SA, CL, CW, CE, ES, SA, SA, SA, SA],
        /* ERROR             */ [CL, CL, CW, CE, ES, SS, SR, SA, CL],
        /* COOKIE ECHO       */ [CL, CL, CE, CE, ES, SS, SR, SA, CL],
        /* COOKIE ACK        */ [CL, CL, CW, ES, ES, SS, SR, SA, CL],
        /* SHUTDOWN COMPLETE */ [CL, CL, CW, CE, ES, SS, SR, CL, CL],
        /* HEARTBEAT         */ [HS, CL, CW, CE, ES, SS, SR, SA, HS],
        /* HEARTBEAT ACK     */ [CL, CL, CW, CE, ES, SS, SR, SA, HS],
    ],
    // The side that answers.
    [
        /* INIT              */ [IV, CL, CW, CE, ES, SS, SR, SA, IV],
        /* INIT ACK          */ [IV, CW, CW, CE, ES, SS, SR, SA, IV],
        /* ABORT             */ [IV, CL, CL, CL, CL, CL, CL, CL, IV],
        /* SHUTDOWN          */ [IV, CL, CW, CE, SR, SS, SR, SA, IV],
        /* SHUTDOWN ACK      */ [IV, CL, CW, CE, ES, SA, SA, SA, IV],
        /* ERROR             */ [IV, CL, CW, CL, ES, SS, SR, SA, IV],
        /* COOKIE ECHO       */ [IV, CL, CE, CE, ES, SS, SR, SA, IV],
        /* COOKIE ACK        */ [IV, CL, CW, ES, ES, SS, SR, SA, IV],
        /* SHUTDOWN COMPLETE */ [IV, CL, CW, CE, ES, SS, SR, CL, IV],
        /* HEARTBEAT         */ [IV, CL, CW, CE, ES, SS, SR, SA, HS],
        /* HEARTBEAT ACK     */ [IV, CL, CW, CE, ES, SS, SR, SA, ES],
    ],
];

/// What comes of a chunk (`sctp_new_state()`). Chunks that carry data or acknowledge them change nothing.
fn next(dir: Dir, state: State, chunk: u8) -> Option<State> {
    ROWS.iter()
        .position(|row| *row == chunk)
        .map_or(Some(state), |row| TRANSITIONS[dir.index()][row][state as usize])
}

/// Length of the common header in bytes.
const HEADER_LEN: usize = 12;

/// One chunk.
#[derive(Clone, Copy)]
struct Chunk<'a> {
    kind: u8,
    flags: u8,
    /// Its length with the header; 0 is damaged.
    len: u16,
    /// All that follows its header.
    rest: &'a [u8],
}

impl Chunk<'_> {
    /// The tag that the sender of an INIT or INIT ACK wants to see, if the chunk is whole.
    fn init_tag(&self) -> Option<u32> {
        let init: &[u8; 16] = self.rest.first_chunk()?;
        Some(u32::from_be_bytes([init[0], init[1], init[2], init[3]]))
    }
}

/// The chunks of a packet, up to the first one that is cut or has no length; that one too, if its header is there.
struct Chunks<'a>(&'a [u8]);

impl<'a> Iterator for Chunks<'a> {
    type Item = Chunk<'a>;

    fn next(&mut self) -> Option<Chunk<'a>> {
        let (&[kind, flags, a, b], rest) = self.0.split_first_chunk()?;
        let len = u16::from_be_bytes([a, b]);
        let step = usize::from(len).next_multiple_of(4);
        self.0 = if step == 0 { &[] } else { self.0.get(step..).unwrap_or_default() };
        Some(Chunk { kind, flags, len, rest })
    }
}

fn chunks(payload: &[u8]) -> Chunks<'_> {
    Chunks(payload.get(HEADER_LEN..).unwrap_or_default())
}

fn vtag_of(payload: &[u8]) -> Option<u32> {
    let header: &[u8; HEADER_LEN] = payload.first_chunk()?;
    Some(u32::from_be_bytes([header[4], header[5], header[6], header[7]]))
}

/// The types of chunk in a packet.
struct Map([bool; 256]);

impl Map {
    /// Reads the packet's chunks if they may stand together (`do_basic_checks()`).
    fn read(payload: &[u8]) -> Option<Self> {
        let mut map = Self([false; 256]);
        let mut alone = false;
        let mut count = 0;
        for (place, chunk) in chunks(payload).enumerate() {
            alone |= matches!(chunk.kind, chunk::INIT | chunk::INIT_ACK | chunk::SHUTDOWN_COMPLETE);
            let first = matches!(chunk.kind, chunk::COOKIE_ACK | chunk::COOKIE_ECHO);
            if ((alone || first) && place != 0) || chunk.len == 0 {
                return None;
            }
            map.0[usize::from(chunk.kind)] = true;
            count += 1;
        }
        (count > 0).then_some(map)
    }

    fn has(&self, kinds: &[u8]) -> bool {
        kinds.iter().any(|kind| self.0[usize::from(*kind)])
    }
}

/// CRC32c as SCTP has it (RFC 9260 appendix A).
fn crc32c(bytes: impl Iterator<Item = u8>) -> u32 {
    !bytes.fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            if crc & 1 == 0 { crc >> 1 } else { (crc >> 1) ^ 0x82f6_3b78 }
        })
    })
}

/// The checksum of a packet of SCTP, whose own counts as zero.
pub(in crate::netfilter) fn checksum(packet: &[u8]) -> u32 {
    let before = packet.iter().take(8);
    let behind = packet.iter().skip(12);
    crc32c(before.chain(&[0; 4]).chain(behind).copied())
}

/// Whether the packet is whole and right (`sctp_error()`).
pub(super) fn check(payload: &[u8], sum: bool) -> bool {
    let Some((header, rest)) = payload.split_first_chunk::<HEADER_LEN>() else { return false };
    let [start @ .., a, b, c, d] = *header;
    let bytes = start.into_iter().chain([0; 4]).chain(rest.iter().copied());
    !sum || u32::from_le_bytes([a, b, c, d]) == crc32c(bytes)
}

/// Begins an association (`sctp_new()`).
pub(super) fn begin(conn: &mut Conn, payload: &[u8]) -> bool {
    let (Some(map), Some(vtag)) = (Map::read(payload), vtag_of(payload)) else { return false };
    // What answers an association that nobody has seen is of no use (RFC 9260 section 8.4).
    if map.has(&[chunk::ABORT, chunk::SHUTDOWN_COMPLETE, chunk::COOKIE_ACK]) {
        return false;
    }
    let mut sctp = SctpConn::default();
    for chunk in chunks(payload) {
        if next(Dir::Original, State::None, chunk.kind).is_none_or(|state| state == State::None) {
            return false;
        }
        match chunk.kind {
            chunk::INIT => match chunk.init_tag() {
                Some(tag) if vtag == 0 => sctp.vtag[Dir::Reply.index()] = tag,
                _ => return false,
            },
            chunk::HEARTBEAT => sctp.vtag[Dir::Original.index()] = vtag,
            // A SHUTDOWN COMPLETE will answer it.
            chunk::SHUTDOWN_ACK => sctp.vtag[Dir::Reply.index()] = vtag,
            _ => {}
        }
    }
    conn.proto = ProtoState::Sctp(sctp);
    true
}

/// What comes of a packet's chunks.
#[derive(Default)]
struct Outcome {
    state: State,
    /// The state changed on the way.
    changed: bool,
    /// The association was established on the way.
    established: bool,
    /// The packet passes and does not lengthen the entry's life.
    ignore: bool,
}

/// A packet (`nf_conntrack_sctp_packet()`).
pub(super) fn packet(conn: &mut Conn, payload: &[u8], dir: Dir, cx: &ProtoCx<'_>) -> Ruling {
    let mut sctp =
        if let ProtoState::Sctp(sctp) = &conn.proto { *sctp } else { SctpConn::default() };
    let (Some(map), Some(vtag)) = (Map::read(payload), vtag_of(payload)) else {
        return Ruling::Invalid;
    };
    // These have rules of their own.
    let other_rules = map.has(&[
        chunk::INIT,
        chunk::SHUTDOWN_COMPLETE,
        chunk::COOKIE_ECHO,
        chunk::ABORT,
        chunk::SHUTDOWN_ACK,
        chunk::HEARTBEAT,
        chunk::HEARTBEAT_ACK,
    ]);
    if !other_rules && vtag != sctp.vtag[dir.index()] {
        return Ruling::Invalid;
    }
    let confirmed = conn.status.has(Status::CONFIRMED);
    let mut outcome = Outcome::default();
    let valid =
        chunks(payload).all(|chunk| sctp.take(&chunk, &map, vtag, dir, confirmed, &mut outcome));
    conn.proto = ProtoState::Sctp(sctp);
    if outcome.changed {
        conn.note(Event::ProtoInfo);
    }
    if outcome.established && !conn.status.has(Status::ASSURED) {
        conn.status.set(Status::ASSURED);
        conn.note(Event::Assured);
    }
    if !valid {
        return Ruling::Invalid;
    }
    if !outcome.ignore {
        conn.refresh(cx.jiffies(), cx.timeout(timeout_of(outcome.state)));
    }
    Ruling::Accept
}

/// The setting that tells how long an entry lives in `state`.
const fn timeout_of(state: State) -> Sysctl {
    match state {
        State::None | State::Closed => Sysctl::NfConntrackSctpTimeoutClosed,
        State::CookieWait => Sysctl::NfConntrackSctpTimeoutCookieWait,
        State::CookieEchoed => Sysctl::NfConntrackSctpTimeoutCookieEchoed,
        State::Established => Sysctl::NfConntrackSctpTimeoutEstablished,
        State::ShutdownSent => Sysctl::NfConntrackSctpTimeoutShutdownSent,
        State::ShutdownRecd => Sysctl::NfConntrackSctpTimeoutShutdownRecd,
        State::ShutdownAckSent => Sysctl::NfConntrackSctpTimeoutShutdownAckSent,
        State::HeartbeatSent => Sysctl::NfConntrackSctpTimeoutHeartbeatSent,
    }
}

impl SctpConn {
    /// Takes one chunk in. False if the packet is invalid; what came before it stays.
    fn take(
        &mut self,
        chunk: &Chunk<'_>,
        map: &Map,
        vtag: u32,
        dir: Dir,
        confirmed: bool,
        outcome: &mut Outcome,
    ) -> bool {
        match self.tag(chunk, map, vtag, dir, outcome.ignore) {
            Tag::Right => {}
            Tag::Wrong => return false,
            Tag::Tolerated => {
                outcome.ignore = true;
                return true;
            }
        }
        let old = self.state;
        let Some(new) = next(dir, old, chunk.kind) else { return false };
        let (own, other) = (dir.index(), dir.other().index());
        if chunk.kind == chunk::INIT {
            let Some(tag) = chunk.init_tag() else { return false };
            if self.init == [true, true] {
                self.init[other] = false;
            }
            self.init[own] = true;
            self.vtag[other] = tag;
            // Who sends INIT after INIT and gets no answer does not keep the entry alive.
            outcome.ignore |= confirmed && (old, new) == (State::Closed, State::Closed);
        } else if chunk.kind == chunk::INIT_ACK {
            let Some(tag) = chunk.init_tag() else { return false };
            // It answers no INIT, or its sender has said another tag in an INIT of its own.
            let unasked = !self.init[other] && self.vtag[other] != 0;
            if (unasked || self.init == [true, true]) && self.vtag[other] != tag {
                return false;
            }
            self.vtag[other] = tag;
        }
        self.state = new;
        outcome.state = new;
        outcome.changed |= old != new;
        outcome.established |= old != new && new == State::Established;
        true
    }

    /// Judges the packet's tag by the rules of this chunk (RFC 9260 section 8.5.1). `ignored` says that an earlier
    /// chunk was tolerated.
    fn tag(&mut self, chunk: &Chunk<'_>, map: &Map, vtag: u32, dir: Dir, ignored: bool) -> Tag {
        let own = self.vtag[dir.index()];
        let right = |right: bool| if right { Tag::Right } else { Tag::Wrong };
        match chunk.kind {
            chunk::INIT => right(vtag == 0),
            chunk::ABORT | chunk::SHUTDOWN_COMPLETE => {
                let peers = chunk.flags & chunk::FLAG_T != 0;
                right(vtag == if peers { self.vtag[dir.other().index()] } else { own })
            }
            chunk::COOKIE_ECHO => right(vtag == own),
            chunk::COOKIE_ACK => {
                // Both sides are through; an INIT ACK that comes now answers nothing.
                self.init = [false; 2];
                Tag::Right
            }
            chunk::HEARTBEAT | chunk::HEARTBEAT_ACK if own == 0 => {
                self.vtag[dir.index()] = vtag;
                Tag::Right
            }
            chunk::HEARTBEAT | chunk::HEARTBEAT_ACK if own == vtag => {
                self.heartbeat_failed = None;
                Tag::Right
            }
            chunk::HEARTBEAT if map.has(&[chunk::DATA]) || ignored => Tag::Wrong,
            chunk::HEARTBEAT => {
                self.heartbeat_failed = Some(dir);
                Tag::Tolerated
            }
            // It answers the HEARTBEAT whose tag was wrong: the association is another one now.
            chunk::HEARTBEAT_ACK => {
                let answers = self.heartbeat_failed.is_some_and(|failed| failed != dir);
                if map.has(&[chunk::DATA]) || ignored || !answers {
                    return Tag::Wrong;
                }
                self.heartbeat_failed = None;
                self.vtag[dir.index()] = vtag;
                self.vtag[dir.other().index()] = 0;
                Tag::Right
            }
            _ => Tag::Right,
        }
    }
}

/// What a packet's verification tag is worth.
enum Tag {
    Right,
    Wrong,
    /// It is wrong, and the packet passes.
    Tolerated,
}
