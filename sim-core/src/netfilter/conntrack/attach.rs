//! Answers that this host makes about a packet belong to its connection (`nf_conntrack_attach()`).

use crate::netfilter::conntrack::{CtInfo, CtRef, Dir};

impl CtRef {
    /// The relation to connection tracking of an ICMP error or a reset about a packet with this one. About an
    /// untracked packet it is looked at like every other, but cannot be kept from that.
    #[must_use]
    pub const fn for_answer(self) -> Self {
        match self {
            Self::Tracked(id, info) => match info.dir() {
                Dir::Original => Self::Tracked(id, CtInfo::RelatedReply),
                Dir::Reply => Self::Tracked(id, CtInfo::Related),
            },
            Self::None => Self::None,
            Self::Untracked | Self::Answer => Self::Answer,
            Self::Template(template) => Self::Template(template),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netfilter::conntrack::CtId;

    #[test]
    fn an_answer_is_about_the_connection_in_the_other_direction() {
        let id = CtId { slot: 3, generation: 1 };
        for (cause, answer) in [
            (CtInfo::New, CtInfo::RelatedReply),
            (CtInfo::Established, CtInfo::RelatedReply),
            (CtInfo::Related, CtInfo::RelatedReply),
            (CtInfo::EstablishedReply, CtInfo::Related),
            (CtInfo::RelatedReply, CtInfo::Related),
        ] {
            assert_eq!(CtRef::Tracked(id, cause).for_answer(), CtRef::Tracked(id, answer));
        }
        assert_eq!(CtRef::None.for_answer(), CtRef::None);
        // Seen on Linux 6.18: `CT --notrack` in `OUTPUT` does nothing for it.
        assert_eq!(CtRef::Untracked.for_answer(), CtRef::Answer);
    }
}
