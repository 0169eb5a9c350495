//! `inject DEV HEX`: lets a device of the current namespace receive an Ethernet frame.
//!
//! The real machine has no such command; there the same is done from the other end of a wire.

use crate::errno::Errno;
use crate::id::DevId;
use crate::link::DevName;
use crate::packet::hex::from_hex;
use crate::tools::Call;
use crate::world::{Poll, Program, Sys};

const USAGE: &str = "Usage: inject DEV HEX...\n\n\
    Lets DEV receive the Ethernet frame HEX, without its checksum. Blanks, colons and line feeds\n\
    between the digits do not matter.\n";

/// The length of an Ethernet header, in bytes.
const ETH_HLEN: usize = 14;
/// The longest frame that is taken, in bytes: an Ethernet header, a VLAN tag, the largest IP packet.
const MAX_FRAME: usize = ETH_HLEN + 4 + 0xffff;

pub(super) fn start(call: Call) -> Box<dyn Program> {
    Box::new(Inject { call })
}

#[derive(Clone, Debug)]
struct Inject {
    call: Call,
}

impl Program for Inject {
    fn poll(&mut self, sys: &mut Sys<'_>) -> Poll {
        match self.run(sys) {
            Ok(()) => Poll::Exit(0),
            Err(message) => {
                sys.stderr(message);
                Poll::Exit(1)
            }
        }
    }

    fn boxed_clone(&self) -> Box<dyn Program> {
        Box::new(self.clone())
    }
}

impl Inject {
    fn run(&self, sys: &mut Sys<'_>) -> Result<(), String> {
        match self.call.args() {
            [dev, hex @ ..] if !hex.is_empty() && !dev.starts_with('-') => {
                let dev = device(sys, dev)?;
                let frame = frame(hex)?;
                sys.world.inject(dev, &frame);
                Ok(())
            }
            [flag] if flag == "-h" || flag == "--help" => {
                sys.stdout(USAGE);
                Ok(())
            }
            _ => Err(USAGE.to_owned()),
        }
    }
}

fn device(sys: &Sys<'_>, name: &str) -> Result<DevId, String> {
    let kernel = &sys.world.kernel;
    let dev = name
        .parse::<DevName>()
        .ok()
        .and_then(|name| kernel.netns[sys.netns()].names.get(&name).copied())
        .ok_or_else(|| format!("Cannot find device \"{name}\"\n"))?;
    if !kernel.devs[dev].is_up() {
        return Err(format!("inject: {name}: {}\n", Errno::ENETDOWN));
    }
    Ok(dev)
}

fn frame(words: &[String]) -> Result<Vec<u8>, String> {
    let digits: String =
        words.iter().flat_map(|w| w.chars()).filter(|c| !c.is_whitespace() && *c != ':').collect();
    let frame = match digits.chars().find(|c| !c.is_ascii_hexdigit()) {
        Some(odd) => {
            return Err(format!("inject: '{}' is no hexadecimal digit\n", odd.escape_debug()));
        }
        None => from_hex(&digits).ok_or("inject: an odd number of hexadecimal digits\n")?,
    };
    if frame.len() < ETH_HLEN || frame.len() > MAX_FRAME {
        return Err(format!(
            "inject: {} bytes: an Ethernet frame has {ETH_HLEN} to {MAX_FRAME}\n",
            frame.len()
        ));
    }
    Ok(frame)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::{Output, World};

    /// Runs the tool in the initial namespace, whose only device is `lo`, down.
    fn run(args: &[&str]) -> (String, Poll) {
        let argv = ["inject"].iter().chain(args).map(|s| (*s).to_owned()).collect();
        let mut world = World::new(0);
        let id = world.spawn_program(
            "inject",
            world.initial_netns(),
            start(Call { argv, ..Call::default() }),
        );
        let process = world.process(id).unwrap();
        let text = process.output.iter().filter_map(|piece| {
            let (Output::Stdout(bytes) | Output::Stderr(bytes)) = piece else { return None };
            Some(String::from_utf8_lossy(bytes))
        });
        (text.collect(), process.state)
    }

    #[test]
    fn what_cannot_be_injected_is_refused_in_words() {
        for (args, message) in [
            (&["eth0", "00"][..], "Cannot find device \"eth0\"\n"),
            (&["lo", "00"], "inject: lo: Network is down\n"),
            (&["lo"], USAGE),
            (&[], USAGE),
        ] {
            assert_eq!(run(args), (message.to_owned(), Poll::Exit(1)), "{args:?}");
        }
    }

    #[test]
    fn blanks_and_colons_between_digits_do_not_matter() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let bytes = frame(&words("ff:ff:ff:ff:ff:ff 02:00:00:00:00:01 0806 0001")).unwrap();
        assert_eq!(bytes.len(), 16);
        assert_eq!(&bytes[12..14], &[0x08, 0x06]);
        for text in ["ff", "fff", "zz", "", "é"] {
            assert!(frame(&words(text)).is_err(), "{text}");
        }
    }
}
