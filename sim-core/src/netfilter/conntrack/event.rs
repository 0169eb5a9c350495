//! What is told of connections (`enum ip_conntrack_events`).

/// Something that happens to a connection, with Linux' number.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(missing_docs, reason = "the names are those of `enum ip_conntrack_events`")]
pub enum Event {
    New = 0,
    Related = 1,
    Destroy = 2,
    Reply = 3,
    Assured = 4,
    ProtoInfo = 5,
    Helper = 6,
    Mark = 7,
    SeqAdj = 8,
    SecMark = 9,
    Label = 10,
    SynProxy = 11,
}
