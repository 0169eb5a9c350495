//! The settings under `/proc/sys/net` of a namespace: names, defaults, and what each takes.
//!
//! Every name that a fresh namespace has on Linux 6.18 is here with its default. What reads a setting
//! takes it from [`Sysctls`]; LIMITATIONS.md says which ones nobody reads. The settings of devices for
//! IPv4 are in [`Ipv4Conf`](crate::link::inet::Ipv4Conf) and in the neighbour tables. The files are
//! served by [`netlink::sysctl`](crate::netlink::sysctl).

pub mod ipv6;
pub mod store;
pub mod table;
pub mod value;

use std::cmp::Ordering;

pub use store::{Holder, KeptTree, Sysctls};
pub use table::{Row, Sysctl};
pub use value::Kind;

/// The order of paths in a listing: folder by folder.
#[must_use]
pub fn order(a: &str, b: &str) -> Ordering {
    a.split('/').cmp(b.split('/'))
}

/// The path below `/proc/sys` of a name as `sysctl` takes it: the separator that comes first is the one
/// between folders, and the other one stands for it within a folder's name.
#[must_use]
pub fn path_of(name: &str) -> String {
    if name.find(['.', '/']).is_some_and(|at| name.as_bytes()[at] == b'/') {
        return name.to_owned();
    }
    swap_separators(name)
}

/// The name that `sysctl` prints for a path.
#[must_use]
pub fn name_of(path: &str) -> String {
    swap_separators(path)
}

fn swap_separators(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '.' => '/',
            '/' => '.',
            other => other,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_sorted_and_found_by_their_path() {
        for key in Sysctl::ALL {
            assert_eq!(Sysctl::find(key.row().path), Some(*key));
        }
        assert_eq!(Sysctl::find("net/ipv4/foo"), None);
        assert!(ipv6::CONF.is_sorted_by_key(|leaf| leaf.name));
        assert!(ipv6::NEIGH.is_sorted_by_key(|leaf| leaf.name));
    }

    #[test]
    fn dots_in_a_device_name_are_slashes_in_a_sysctl_name() {
        assert_eq!(path_of("net.ipv4.conf.eth0/1.tag"), "net/ipv4/conf/eth0.1/tag");
        assert_eq!(path_of("net/ipv4/conf/eth0.1/tag"), "net/ipv4/conf/eth0.1/tag");
        assert_eq!(name_of("net/ipv4/conf/eth0.1/tag"), "net.ipv4.conf.eth0/1.tag");
    }

    /// Written with `sysctl -w` on Linux 6.18, and what `sysctl -n` showed then.
    #[test]
    fn files_of_several_values_keep_what_was_not_written() {
        let mut s = Sysctls::default();
        let mut write = |key, text: &str| s.write(key, text).map(|()| s.text(key));
        let range = Sysctl::IpLocalPortRange;
        assert_eq!(write(range, "5"), Err(crate::errno::Errno::EINVAL));
        assert_eq!(write(range, "6 5"), Err(crate::errno::Errno::EINVAL));
        assert_eq!(write(range, "500 600"), Err(crate::errno::Errno::EINVAL));
        assert_eq!(write(range, "2000 3000").as_deref(), Ok("2000\t3000"));
        let groups = Sysctl::PingGroupRange;
        assert_eq!(write(groups, "0 2147483647").as_deref(), Ok("0\t2147483647"));
        assert_eq!(write(groups, "5").as_deref(), Ok("5\t2147483647"));
        assert_eq!(write(groups, "9 5").as_deref(), Ok("1\t0"));
        assert_eq!(write(groups, "0 4294967295"), Err(crate::errno::Errno::EINVAL));
        let sizes = Sysctl::TcpRmem;
        assert_eq!(write(sizes, "1 2").as_deref(), Ok("1\t2\t33554432"));
        assert_eq!(write(sizes, "0 1 2"), Err(crate::errno::Errno::EINVAL));
        assert_eq!(write(sizes, "5 1 2").as_deref(), Ok("5\t1\t2"));
    }
}
