//! What `bridge` says when it is asked for help: recorded from iproute2 6.1.0.

use crate::tools::failure::Failure;

/// Declares the texts that end the process with status 255 on standard error.
macro_rules! usages {
    ($($name:ident = $file:literal;)*) => {$(
        #[doc = concat!("The text of `", $file, "`.")]
        pub(crate) fn $name() -> Failure {
            Failure::exits(255, include_str!(concat!("../usage/", $file, ".txt")))
        }
    )*};
}

usages! {
    bridge = "bridge";
    link = "bridge_link";
    fdb = "bridge_fdb";
    mdb = "bridge_mdb";
    monitor = "bridge_monitor";
}
