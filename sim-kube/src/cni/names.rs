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
        assert_eq!(chain("CNI-", "test", "1234"), "CNI-bbd8e4bd27c22c1c2a8a7b1d");
    }
}
