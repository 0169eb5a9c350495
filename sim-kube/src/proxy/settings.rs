//! The settings of connection tracking that kube-proxy makes at its start.

use std::time::Duration;

use sim_core::errno::Errno;
use sim_core::netlink::Request;

use super::config::ConntrackConfig;
use super::version::Version;
use crate::host::{CallError, Host};

/// How many connections a node may have for each CPU, if nothing else is said.
const MAX_PER_CORE: u32 = 32 * 1024;
/// How many it may have at least.
const MIN: u32 = 128 * 1024;
/// How many kube-proxy allows at most (1.36).
const MAX: u32 = 1024 * 1024;
/// How long an established connection lives, if nothing else is said.
const ESTABLISHED: Duration = Duration::from_hours(24);
/// How long one in CLOSE-WAIT does.
const CLOSE_WAIT: Duration = Duration::from_hours(1);
/// A machine of this model has one CPU.
const CPUS: u32 = 1;

/// Makes the settings. What is to be 0 stays as it is.
pub(super) fn apply(
    config: &ConntrackConfig,
    version: Version,
    host: &mut Host<'_>,
) -> Result<(), CallError> {
    let max = max(config, version);
    if max > 0 {
        // A machine has one limit, which only its first namespace may change; a node here is another one.
        let request = setting("max", max);
        host.ensure(&request, Errno::EACCES)?;
    }
    let timeouts = [
        ("tcp_timeout_established", config.tcp_established_timeout.unwrap_or(ESTABLISHED)),
        ("tcp_timeout_close_wait", config.tcp_close_wait_timeout.unwrap_or(CLOSE_WAIT)),
        ("udp_timeout", config.udp_timeout.unwrap_or_default()),
        ("udp_timeout_stream", config.udp_stream_timeout.unwrap_or_default()),
    ];
    for (name, timeout) in timeouts {
        if !timeout.is_zero() {
            set(host, name, timeout.as_secs())?;
        }
    }
    if config.tcp_be_liberal {
        set(host, "tcp_be_liberal", 1)?;
    }
    Ok(())
}

/// How many connections a node may have; 0 leaves that to the kernel (`getConntrackMax()`).
fn max(config: &ConntrackConfig, version: Version) -> u32 {
    let per_core = config.max_per_core.unwrap_or(MAX_PER_CORE);
    if per_core == 0 {
        return 0;
    }
    let max = per_core.saturating_mul(CPUS).max(config.min.unwrap_or(MIN));
    if version >= Version::V1_36 { max.min(MAX) } else { max }
}

fn set(host: &mut Host<'_>, name: &str, value: impl ToString) -> Result<(), CallError> {
    host.request(&setting(name, value))
}

fn setting(name: &str, value: impl ToString) -> Request {
    let name = format!("net.netfilter.nf_conntrack_{name}");
    Request::SysctlSet { name, value: value.to_string() }
}
