//! Files under `/proc/sys/net`.

use crate::errno::Errno;
use crate::id::NetnsId;
use crate::kernel::Kernel;
use crate::trace::Observer;

/// Writes a value.
pub fn set<O: Observer>(
    _: &mut Kernel,
    _: NetnsId,
    _name: &str,
    _value: &str,
    _: &mut O,
) -> Result<(), Errno> {
    Err(Errno::ENOENT)
}

/// Reads a value, as `sysctl -n` prints it.
pub fn get(_: &Kernel, _: NetnsId, _name: &str) -> Result<String, Errno> {
    Err(Errno::ENOENT)
}
