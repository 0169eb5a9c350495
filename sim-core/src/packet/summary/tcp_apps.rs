//! Which printer a TCP port leads to.

use super::bytes::Bytes;
use super::printer::{Printed, Printer, put};
use super::text::{HTTP_COMMANDS, RTSP_COMMANDS, Text};

/// The printer that a port leads to.
#[derive(Clone, Copy, Debug)]
enum App {
    Telnet,
    Text(Text),
    Bgp,
    Resp,
    Ssh,
    Dns,
    Nfs,
    /// A text protocol of which tcpdump prints the messages it recognises.
    Beep,
    Unmodelled(&'static str),
}

const fn plain(protocol: &'static str) -> App {
    App::Text(Text { protocol, commands: None })
}

const HTTP: App = App::Text(Text { protocol: "http", commands: Some(HTTP_COMMANDS) });
const RTSP: App = App::Text(Text { protocol: "rtsp", commands: Some(RTSP_COMMANDS) });

/// The ports that tcpdump knows, in the order in which it asks for them: the first match decides.
const APPS: &[(u16, App)] = &[
    (23, App::Telnet),
    (25, plain("smtp")),
    (43, plain("whois")),
    (179, App::Bgp),
    (1723, App::Unmodelled("PPTP")),
    (6379, App::Resp),
    (22, App::Ssh),
    (10288, App::Beep),
    (6633, App::Unmodelled("OpenFlow")),
    (6653, App::Unmodelled("OpenFlow")),
    (21, plain("ftp")),
    (80, HTTP),
    (8080, HTTP),
    (554, RTSP),
    (8554, RTSP),
    (53, App::Dns),
    (639, App::Unmodelled("MSDP")),
    (323, App::Unmodelled("RPKI-RTR")),
    (646, App::Unmodelled("LDP")),
    (2049, App::Nfs),
];

impl Printer<'_> {
    /// Prints data by the ports that carry them, if tcpdump knows one of these.
    pub(super) fn tcp_app(
        &mut self,
        data: Bytes<'_>,
        length: usize,
        (sport, dport): (u16, u16),
    ) -> Printed {
        let known = APPS.iter().find(|(port, _)| *port == sport || *port == dport);
        let Some((_, app)) = known else { return Ok(()) };
        match app {
            App::Text(text) => {
                put!(self, ": ");
                self.text(data, length, text)
            }
            App::Bgp => {
                put!(self, ": BGP");
                if self.options.verbose > 0 {
                    self.unmodelled("verbose BGP");
                }
                Ok(())
            }
            App::Resp => self.resp(data, length),
            App::Ssh => self.ssh(data, length),
            App::Dns => self.dns_over_tcp(data, length),
            App::Telnet => {
                self.protocol = "telnet";
                if data.u8(0)? == 0xff {
                    self.unmodelled("telnet");
                }
                Ok(())
            }
            App::Nfs => {
                self.nfs(data, (sport, dport));
                Ok(())
            }
            App::Beep => {
                self.beep(data);
                Ok(())
            }
            App::Unmodelled(name) => {
                self.unmodelled(name);
                Ok(())
            }
        }
    }

    /// Says so where tcpdump would print a remote procedure call of NFS.
    fn nfs(&mut self, data: Bytes<'_>, (sport, dport): (u16, u16)) {
        let direction = data.u32(8);
        if (dport == 2049 && direction == Ok(0)) || (sport == 2049 && direction == Ok(1)) {
            self.unmodelled("NFS");
        }
    }

    /// Says so where tcpdump would recognise a BEEP frame.
    fn beep(&mut self, data: Bytes<'_>) {
        let words: [&[u8]; 7] = [b"MSG", b"ERR", b"ANS", b"NUL", b"RPY", b"SEQ", b"END"];
        if words.iter().any(|word| data.0.starts_with(word)) {
            self.unmodelled("BEEP");
        }
    }
}
