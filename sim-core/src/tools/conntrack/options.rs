//! The options of `conntrack`, and with which commands each may stand.

/// A command.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Command {
    /// `-L`
    List,
    /// `-I`
    Create,
    /// `-U`
    Update,
    /// `-D`
    Delete,
    /// `-G`
    Get,
    /// `-F`
    Flush,
    /// `-E`
    Event,
    /// `-V`
    Version,
    /// `-h`
    Help,
    /// `-C`
    Count,
    /// `-S`
    Stats,
    /// `-A`
    Add,
    /// `-L expect`
    ExpList,
    /// `-I expect`
    ExpCreate,
    /// `-D expect`
    ExpDelete,
    /// `-G expect`
    ExpGet,
    /// `-F expect`
    ExpFlush,
    /// `-E expect`
    ExpEvent,
    /// `-C expect`
    ExpCount,
    /// `-S expect`
    ExpStats,
}

impl Command {
    /// The command of a letter, for the table of connections or that of expectations.
    pub(super) const fn find(letter: char, of_expectations: bool) -> Option<Self> {
        Some(match (letter, of_expectations) {
            ('L', false) => Self::List,
            ('L', true) => Self::ExpList,
            ('I', false) => Self::Create,
            ('I', true) => Self::ExpCreate,
            ('D', false) => Self::Delete,
            ('D', true) => Self::ExpDelete,
            ('G', false) => Self::Get,
            ('G', true) => Self::ExpGet,
            ('F', false) => Self::Flush,
            ('F', true) => Self::ExpFlush,
            ('E', false) => Self::Event,
            ('E', true) => Self::ExpEvent,
            ('C', false) => Self::Count,
            ('C', true) => Self::ExpCount,
            ('S', false) => Self::Stats,
            ('S', true) => Self::ExpStats,
            ('V', _) => Self::Version,
            ('h', _) => Self::Help,
            ('U', false) => Self::Update,
            ('A', false) => Self::Add,
            _ => return None,
        })
    }

    /// How it takes each option, in the order of [`Opt`]: `.` it may stand, `!` it must stand, `x` it must not stand,
    /// `?` other checks tell.
    pub(super) const fn row(self) -> &'static [u8; Opt::COUNT] {
        match self {
            Self::List => b".....x..xxx..x.x.....x...xx..",
            Self::Create | Self::Add => b"????!!.xxxxxx..xx..xxxx.x.x..",
            Self::Update => b".......xxxx..x......xxxx...xx",
            Self::Delete => b".......xxxx..x......xxx..xx..",
            Self::Get => b"????!xxxxxxxxxx.xxx.xxxx.xxxx",
            Self::Flush => b"xxxxxxxxxxxxxxxx.xxxxxxxxxxxx",
            Self::Event => b".....xxx.xx..x.x.........xx..",
            Self::Help => b"xxxx.xxxxxxxxxxxxxxxxxxxxxxxx",
            Self::ExpList => b"xxxxxxxxxxxxxxxx.xx.xxxxxxxxx",
            Self::ExpCreate => b"!!..!!.xx!!!!xxxxxxxxxxxxxxxx",
            Self::ExpDelete | Self::ExpGet => b"!!..!xxxxxxxxxxxxxxxxxxxxxxxx",
            Self::ExpEvent => b"xxxxxxxxxxxxxxxxxxx.xxxxxxxxx",
            Self::Version
            | Self::ExpFlush
            | Self::Count
            | Self::ExpCount
            | Self::Stats
            | Self::ExpStats => NOTHING,
        }
    }

    /// What it says at its end: what was done to how many.
    pub(super) const fn done(self) -> Option<&'static str> {
        Some(match self {
            Self::List | Self::Get => "flow entries have been shown",
            Self::Create => "flow entries have been created",
            Self::Update => "flow entries have been updated",
            Self::Delete => "flow entries have been deleted",
            Self::Add => "flow entries have been added",
            Self::ExpList | Self::ExpDelete => "expectations have been shown",
            Self::Flush
            | Self::Event
            | Self::Version
            | Self::Help
            | Self::Count
            | Self::Stats
            | Self::ExpCreate
            | Self::ExpGet
            | Self::ExpFlush
            | Self::ExpEvent
            | Self::ExpCount
            | Self::ExpStats => return None,
        })
    }

    /// Whether it is well if nothing was found.
    pub(super) const fn may_find_nothing(self) -> bool {
        matches!(self, Self::List | Self::ExpList | Self::Add)
    }

    /// Whether it is for both families if none is named.
    pub(super) const fn is_for_all_families(self) -> bool {
        matches!(
            self,
            Self::List | Self::Update | Self::Delete | Self::Get | Self::Flush | Self::Event
        )
    }
}

/// What no option may stand with.
pub(super) const NOTHING: &[u8; Opt::COUNT] = b"xxxxxxxxxxxxxxxxxxxxxxxxxxxxx";

/// An option that a command allows or not, in the order in which they are checked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Opt {
    OrigSrc,
    OrigDst,
    ReplSrc,
    ReplDst,
    Proto,
    Timeout,
    Status,
    Zero,
    EventMask,
    ExpSrc,
    ExpDst,
    MaskSrc,
    MaskDst,
    #[expect(dead_code, reason = "the option is passed over; its place counts")]
    NatRange,
    Mark,
    Id,
    Family,
    SrcNat,
    DstNat,
    Output,
    SecMark,
    BufferSize,
    AnyNat,
    Zone,
    Label,
    AddLabel,
    DelLabel,
    OrigZone,
    ReplZone,
}

impl Opt {
    /// How many there are.
    pub(super) const COUNT: usize = 29;

    /// What each is called in messages.
    pub(super) const NAMES: [&'static str; Self::COUNT] = [
        "src",
        "dst",
        "reply-src",
        "reply-dst",
        "protonum",
        "timeout",
        "status",
        "zero",
        "event-mask",
        "tuple-src",
        "tuple-dst",
        "mask-src",
        "mask-dst",
        "nat-range",
        "mark",
        "id",
        "family",
        "src-nat",
        "dst-nat",
        "output",
        "secmark",
        "buffer-size",
        "any-nat",
        "zone",
        "label",
        "label-add",
        "label-del",
        "orig-zone",
        "reply-zone",
    ];
}

/// A set of options.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Opts(pub(super) u32);

impl Opts {
    pub(super) const fn of(options: &[Opt]) -> Self {
        let mut set = Self(0);
        let mut at = 0;
        while at < options.len() {
            set.0 |= 1 << options[at] as u32;
            at += 1;
        }
        set
    }

    pub(super) const fn add(&mut self, option: Opt) {
        self.0 |= 1 << option as u32;
    }

    pub(super) const fn has(self, option: Opt) -> bool {
        self.0 & 1 << option as u32 != 0
    }

    pub(super) const fn has_any(self, options: Self) -> bool {
        self.0 & options.0 != 0
    }
}

/// Whether an option that is spelled out takes an argument.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Takes {
    /// None.
    Nothing,
    /// One.
    One,
    /// One behind an equals sign, if at all.
    Maybe,
}

/// What stands for an option: a letter, or the place of an option of the protocol.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Key {
    Letter(char),
    Proto(usize),
}

/// The options that are spelled out.
pub(super) const LONG: &[(&str, Takes, char)] = &[
    ("dump", Takes::Maybe, 'L'),
    ("create", Takes::Maybe, 'I'),
    ("add", Takes::Maybe, 'A'),
    ("delete", Takes::Maybe, 'D'),
    ("update", Takes::Maybe, 'U'),
    ("get", Takes::Maybe, 'G'),
    ("flush", Takes::Maybe, 'F'),
    ("event", Takes::Maybe, 'E'),
    ("counter", Takes::Maybe, 'C'),
    ("stats", Takes::Nothing, 'S'),
    ("version", Takes::Nothing, 'V'),
    ("help", Takes::Nothing, 'h'),
    ("orig-src", Takes::One, 's'),
    ("src", Takes::One, 's'),
    ("orig-dst", Takes::One, 'd'),
    ("dst", Takes::One, 'd'),
    ("reply-src", Takes::One, 'r'),
    ("reply-dst", Takes::One, 'q'),
    ("protonum", Takes::One, 'p'),
    ("timeout", Takes::One, 't'),
    ("status", Takes::One, 'u'),
    ("zero", Takes::Nothing, 'z'),
    ("event-mask", Takes::One, 'e'),
    ("tuple-src", Takes::One, '['),
    ("tuple-dst", Takes::One, ']'),
    ("mask-src", Takes::One, '{'),
    ("mask-dst", Takes::One, '}'),
    ("nat-range", Takes::One, 'a'),
    ("mark", Takes::One, 'm'),
    ("secmark", Takes::One, 'c'),
    ("id", Takes::Maybe, 'i'),
    ("family", Takes::One, 'f'),
    ("src-nat", Takes::Maybe, 'n'),
    ("dst-nat", Takes::Maybe, 'g'),
    ("output", Takes::One, 'o'),
    ("buffer-size", Takes::One, 'b'),
    ("any-nat", Takes::Maybe, 'j'),
    ("zone", Takes::One, 'w'),
    ("label", Takes::One, 'l'),
    ("label-add", Takes::One, '<'),
    ("label-del", Takes::Maybe, '>'),
    ("orig-zone", Takes::One, '('),
    ("reply-zone", Takes::One, ')'),
];

/// The letters, each with what it takes.
pub(super) const LETTERS: &[(&str, Takes)] = &[
    ("hVzS", Takes::Nothing),
    ("sdrqptuea[]{}mifocbwl<()", Takes::One),
    ("LIUDGEFAngC>j", Takes::Maybe),
];
