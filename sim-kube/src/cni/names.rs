//! Names and comments of what is made for one container.

use data_encoding::HEXLOWER;
use sha2::{Digest as _, Sha512};

/// How long the name of a chain is.
const CHAIN_LEN: usize = 28;
/// How long a comment may be.
const COMMENT_LEN: usize = 255;

/// The chain of a container: a prefix, and as much of the SHA-512 of network and container as there is room for.
pub(super) fn chain(prefix: &str, network: &str, container: &str) -> String {
    let hash = Sha512::new().chain_update(network).chain_update(container).finalize();
    let mut name = format!("{prefix}{}", HEXLOWER.encode(&hash));
    name.truncate(CHAIN_LEN);
    name
}

/// What rules for a container say that they are for.
pub(super) fn comment(network: &str, container: &str) -> String {
    format!("name: {network:?} id: {container:?}")
}

/// A comment that is not too long for a rule.
pub(super) fn trim(mut comment: String) -> String {
    if comment.len() > COMMENT_LEN {
        let cut = (0..=COMMENT_LEN - 2).rev().find(|at| comment.is_char_boundary(*at));
        comment.truncate(cut.unwrap_or_default());
        comment += "...";
    }
    comment
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values of the tests of the real plugins.
    #[test]
    fn a_container_has_the_same_chains_everywhere() {
        assert_eq!(chain("CNI-", "test", "1234"), "CNI-2bbe0c48b91a7d1b8a6753a8");
        let long = "testalongnamethatdoesnotmakesense";
        assert_eq!(chain("CNI-", long, "1234"), "CNI-374f33fe84ab0ed84dcdebe3");
        let container = "icee6giejonei6sohng6ahngee7laquohquee9shiGo7fohferakah3Feiyoolu2pei7ciPhoh7shaoX6vai3vuf0ahfaeng8yohb9ceu0daez5hashee8ooYai5wa3y";
        assert_eq!(chain("CNI-DN-", "test", container), "CNI-DN-67e92b96e692a494b6b85");
    }
}
