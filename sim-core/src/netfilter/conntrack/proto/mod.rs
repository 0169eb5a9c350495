//! What connection tracking knows of each protocol: one file each.

/// What a protocol remembers of a connection (`union nf_conntrack_proto`).
#[derive(Clone, Debug, Default, PartialEq)]
pub enum ProtoState {
    /// Nothing (ICMP, generic).
    #[default]
    None,
}
