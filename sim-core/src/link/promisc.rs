//! Promiscuity: how many users want more than the device's own frames.

use crate::id::DevId;
use crate::kernel::Kernel;
use crate::link::DevFlags;

/// Adds a user that wants every frame, or takes one away (`dev_set_promiscuity()`).
pub fn set_promiscuity(k: &mut Kernel, dev: DevId, on: bool) {
    let device = &mut k.devs[dev];
    device.promiscuity = if on { device.promiscuity + 1 } else { device.promiscuity - 1 };
    device.flags.set(DevFlags::PROMISC, device.promiscuity > 0);
}

/// Adds a user that wants every multicast frame, or takes one away (`dev_set_allmulti()`).
pub fn set_allmulti(k: &mut Kernel, dev: DevId, on: bool) {
    let device = &mut k.devs[dev];
    device.allmulti = if on { device.allmulti + 1 } else { device.allmulti - 1 };
    device.flags.set(DevFlags::ALLMULTI, device.allmulti > 0);
}

/// Sets what the administrator wants of `IFF_PROMISC` and `IFF_ALLMULTI` (`__dev_change_flags()`).
pub fn set_by_hand(k: &mut Kernel, dev: DevId, flag: DevFlags, on: bool) {
    if k.devs[dev].gflags.contains(flag) == on {
        return;
    }
    k.devs[dev].gflags.set(flag, on);
    if flag == DevFlags::PROMISC {
        set_promiscuity(k, dev, on);
    } else {
        set_allmulti(k, dev, on);
    }
}
