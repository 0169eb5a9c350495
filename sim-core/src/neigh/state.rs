//! The states of a neighbour entry (`NUD_*`) and where it goes from each.

/// The state of a neighbour entry, with the bits of `NUD_*`.
///
/// ```text
///            first packet                answer
///   None ───────────────► Incomplete ──────────────► Reachable ◄───────────┐
///                             │                          │ not confirmed   │
///                  no answer  │                          ▼ for a time      │ confirmed
///                             ▼       no answer        Stale               │ or answered
///                          Failed ◄────────── Probe ◄─── │ used            │
///                                               ▲        ▼                 │
///                                               └───── Delay ──────────────┘
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[repr(u8)]
pub enum NudState {
    /// Nothing is known yet.
    None = 0x00,
    /// Asked for the first time.
    Incomplete = 0x01,
    /// Confirmed of late.
    Reachable = 0x02,
    /// Known, but not confirmed of late.
    Stale = 0x04,
    /// In use while stale; will be probed soon.
    Delay = 0x08,
    /// Being probed.
    Probe = 0x10,
    /// Did not answer.
    Failed = 0x20,
    /// Needs no resolution.
    Noarp = 0x40,
    /// Set by hand, never changes.
    Permanent = 0x80,
}

impl NudState {
    /// Whether the address is known (`NUD_VALID`).
    #[must_use]
    pub const fn is_valid(self) -> bool {
        match self {
            Self::Permanent
            | Self::Noarp
            | Self::Reachable
            | Self::Probe
            | Self::Stale
            | Self::Delay => true,
            Self::None | Self::Incomplete | Self::Failed => false,
        }
    }

    /// Whether the address can be used without a second thought (`NUD_CONNECTED`).
    #[must_use]
    pub const fn is_connected(self) -> bool {
        matches!(self, Self::Permanent | Self::Noarp | Self::Reachable)
    }

    /// Whether the state ends by itself after a time (`NUD_IN_TIMER`).
    #[must_use]
    pub const fn is_timed(self) -> bool {
        matches!(self, Self::Incomplete | Self::Reachable | Self::Delay | Self::Probe)
    }

    /// Whether only a request of the administrator can change it.
    #[must_use]
    pub const fn is_fixed(self) -> bool {
        matches!(self, Self::Permanent | Self::Noarp)
    }

    /// The name iproute2 uses.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "NONE",
            Self::Incomplete => "INCOMPLETE",
            Self::Reachable => "REACHABLE",
            Self::Stale => "STALE",
            Self::Delay => "DELAY",
            Self::Probe => "PROBE",
            Self::Failed => "FAILED",
            Self::Noarp => "NOARP",
            Self::Permanent => "PERMANENT",
        }
    }
}
