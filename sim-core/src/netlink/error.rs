//! How the kernel refuses a request.

use crate::errno::Errno;

/// A negative acknowledgement (`NLMSG_ERROR`).
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{}", .message.as_deref().unwrap_or_else(|| .errno.message()))]
pub struct NetlinkError {
    /// The error number.
    pub errno: Errno,
    /// The extended acknowledgement's text, if the kernel gives one (`NLMSGERR_ATTR_MSG`);
    /// iproute2 prints it as `Error: TEXT.` instead of `RTNETLINK answers: ERRNO`.
    pub message: Option<String>,
}

impl NetlinkError {
    /// A refusal with a text.
    #[must_use]
    pub fn with_message(errno: Errno, message: impl Into<String>) -> Self {
        Self { errno, message: Some(message.into()) }
    }
}

impl From<Errno> for NetlinkError {
    fn from(errno: Errno) -> Self {
        Self { errno, message: None }
    }
}
