//! The error numbers that the modelled kernel answers with.

use std::fmt;

/// Declares [`Errno`] from one table: name, Linux number, text of `strerror(3)` in the C locale.
macro_rules! errnos {
    ($($name:ident = $number:literal, $text:literal;)*) => {
        /// A Linux error number (`errno(3)`).
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub enum Errno {
            $(#[doc = $text] $name = $number,)*
        }

        impl Errno {
            /// The number, as on x86-64.
            #[must_use]
            pub const fn number(self) -> i32 {
                self as i32
            }

            /// What `strerror(3)` says in the C locale.
            #[must_use]
            pub const fn message(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }

            /// The symbolic name, such as `EEXIST`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)*
                }
            }
        }
    };
}

errnos! {
    EPERM = 1, "Operation not permitted";
    E2BIG = 7, "Argument list too long";
    ENOENT = 2, "No such file or directory";
    ESRCH = 3, "No such process";
    EINTR = 4, "Interrupted system call";
    EIO = 5, "Input/output error";
    ENXIO = 6, "No such device or address";
    EBADF = 9, "Bad file descriptor";
    EAGAIN = 11, "Resource temporarily unavailable";
    ENOMEM = 12, "Cannot allocate memory";
    EACCES = 13, "Permission denied";
    EBUSY = 16, "Device or resource busy";
    EEXIST = 17, "File exists";
    EXDEV = 18, "Invalid cross-device link";
    ENODEV = 19, "No such device";
    EINVAL = 22, "Invalid argument";
    ENFILE = 23, "Too many open files in system";
    EFBIG = 27, "File too large";
    ENOSPC = 28, "No space left on device";
    EMLINK = 31, "Too many links";
    EPIPE = 32, "Broken pipe";
    ERANGE = 34, "Numerical result out of range";
    ENOTEMPTY = 39, "Directory not empty";
    ELOOP = 40, "Too many levels of symbolic links";
    EXFULL = 54, "Exchange full";
    ENONET = 64, "Machine is not on the network";
    EPROTO = 71, "Protocol error";
    EDESTADDRREQ = 89, "Destination address required";
    EMSGSIZE = 90, "Message too long";
    EPROTOTYPE = 91, "Protocol wrong type for socket";
    ENOPROTOOPT = 92, "Protocol not available";
    EPROTONOSUPPORT = 93, "Protocol not supported";
    EOPNOTSUPP = 95, "Operation not supported";
    EAFNOSUPPORT = 97, "Address family not supported by protocol";
    EADDRINUSE = 98, "Address already in use";
    EADDRNOTAVAIL = 99, "Cannot assign requested address";
    ENETDOWN = 100, "Network is down";
    ENETUNREACH = 101, "Network is unreachable";
    ECONNABORTED = 103, "Software caused connection abort";
    ECONNRESET = 104, "Connection reset by peer";
    ENOBUFS = 105, "No buffer space available";
    EISCONN = 106, "Transport endpoint is already connected";
    ENOTCONN = 107, "Transport endpoint is not connected";
    ETIMEDOUT = 110, "Connection timed out";
    ECONNREFUSED = 111, "Connection refused";
    EHOSTDOWN = 112, "Host is down";
    EHOSTUNREACH = 113, "No route to host";
    EALREADY = 114, "Operation already in progress";
    EINPROGRESS = 115, "Operation now in progress";
    EREMOTEIO = 121, "Remote I/O error";
}

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}

impl std::error::Error for Errno {}

/// A negative acknowledgement (`NLMSG_ERROR`).
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{}", .message.as_deref().unwrap_or_else(|| .errno.message()))]
pub struct NetlinkError {
    /// The error number.
    pub errno: Errno,
    /// The extended acknowledgement's text, if the kernel gives one (`NLMSGERR_ATTR_MSG`);
    /// iproute2 prints it as `Error: TEXT.` instead of `RTNETLINK answers: ERRNO`.
    pub message: Option<String>,
    /// Of a batch: the messages that were refused, by their place, and why.
    pub refused: Vec<(usize, Errno)>,
}

impl NetlinkError {
    /// The refusal of messages of a batch.
    ///
    /// # Panics
    /// If there are none.
    #[must_use]
    pub fn of_batch(refused: Vec<(usize, Errno)>) -> Self {
        let (_, errno) = *refused.first().expect("a message that was refused");
        Self { errno, message: None, refused }
    }

    /// A refusal with a text.
    #[must_use]
    pub fn with_message(errno: Errno, message: impl Into<String>) -> Self {
        Self { errno, message: Some(message.into()), refused: Vec::new() }
    }
}

impl From<Errno> for NetlinkError {
    fn from(errno: Errno) -> Self {
        Self { errno, message: None, refused: Vec::new() }
    }
}
