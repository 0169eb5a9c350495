//! How long entries live: the settings `net.netfilter.nf_conntrack_*_timeout*`, in jiffies.

use crate::sysctl::{Sysctl, Sysctls};
use crate::time::HZ;

/// The time that the setting `key`, in seconds, gives an entry, in jiffies.
///
/// The kernel keeps an `unsigned int`: what was written as a negative number is a very long time.
#[must_use]
pub fn of(sysctl: &Sysctls, key: Sysctl) -> u64 {
    let seconds = sysctl.get(key);
    u64::try_from(seconds)
        .map_or_else(|_| (1 << 32) - seconds.unsigned_abs() * HZ, |seconds| seconds * HZ)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_become_jiffies_and_less_than_none_is_very_long() {
        let mut sysctl = Sysctls::default();
        assert_eq!(of(&sysctl, Sysctl::NfConntrackUdpTimeout), 30 * HZ);
        sysctl.write(Sysctl::NfConntrackUdpTimeout, "-1").expect("an int");
        assert_eq!(of(&sysctl, Sysctl::NfConntrackUdpTimeout), 0xffff_ffff - 249);
    }
}
