//! Where packets die: the tracepoint `skb:kfree_skb`, in an instance of the tracer of our own.
//!
//! It shows what dies within a system call of this process; what timers and other processes end is out of its
//! sight.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use nix::mount::{MsFlags, mount};
use sim_core::case::observed::DropObserved;

/// A private instance of the tracer; it goes with the value.
pub(super) struct Trace {
    dir: PathBuf,
}

impl Trace {
    /// Makes an instance that sees nothing yet.
    pub(super) fn new() -> io::Result<Self> {
        const PLACE: &str = "/run/trace";
        fs::create_dir_all(PLACE)?;
        let none = None::<&str>;
        mount(Some("tracefs"), PLACE, Some("tracefs"), MsFlags::empty(), none)?;
        let pid = std::process::id();
        let dir = Path::new(PLACE).join(format!("instances/kubewire-{pid}"));
        fs::create_dir(&dir)?;
        let trace = Self { dir };
        // IPv4, ARP and IPv6.
        let ethertypes = "protocol==2048||protocol==2054||protocol==34525";
        let filter = format!("common_pid=={pid} && ({ethertypes})");
        trace.write("tracing_on", "0")?;
        trace.write("events/skb/kfree_skb/filter", &filter)?;
        trace.write("events/skb/kfree_skb/enable", "1")?;
        Ok(trace)
    }

    fn write(&self, file: &str, text: &str) -> io::Result<()> {
        fs::write(self.dir.join(file), text)
    }

    /// Does `work` and takes down what dies in the meantime.
    pub(super) fn during<T>(
        &self,
        work: impl FnOnce() -> io::Result<T>,
    ) -> io::Result<(T, Vec<Death>)> {
        self.write("tracing_on", "1")?;
        let result = work();
        self.write("tracing_on", "0")?;
        let text = fs::read_to_string(self.dir.join("trace"))?;
        // Emptied when it is opened for writing.
        self.write("trace", "")?;
        Ok((result?, text.lines().filter_map(parse).collect()))
    }
}

impl Drop for Trace {
    fn drop(&mut self) {
        // The kernel keeps an instance that is still in use; there is nobody to tell.
        let _kept = fs::remove_dir(&self.dir);
    }
}

/// The end of a packet.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Death {
    /// The function of the kernel.
    pub(super) function: String,
    pub(super) reason: String,
}

impl Death {
    pub(super) fn observed(self, step: usize, t_us: i64) -> DropObserved {
        DropObserved { step, t_us, place: self.function, reason: self.reason }
    }
}

/// Reads a line of the trace. Parts of a buffer, which die with it, are no packets.
fn parse(line: &str) -> Option<Death> {
    let (_, event) = line.split_once(": kfree_skb: ")?;
    let (_, rest) = event.split_once("location=")?;
    let (location, rest) = rest.split_once(' ')?;
    let (_, reason) = rest.split_once("reason: ")?;
    let function = location.split('+').next().unwrap_or(location);
    let is_part = function == "skb_release_data";
    (!is_part).then(|| Death { function: function.to_owned(), reason: reason.trim().to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_death_has_a_place_and_a_reason() {
        let line = "  kernel-case-812  [001] b.s1.  99.123456: kfree_skb: skbaddr=0000000012345678 \
                    rx_sk=0000000000000000 protocol=2048 location=ip_rcv_core+0x1a/0x300 reason: IP_CSUM";
        let death = parse(line).unwrap();
        assert_eq!((death.function.as_str(), death.reason.as_str()), ("ip_rcv_core", "IP_CSUM"));
        assert_eq!(parse(&line.replace("ip_rcv_core", "skb_release_data")), None);
        assert_eq!(parse("# tracer: nop"), None);
    }
}
