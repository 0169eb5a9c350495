//! Netfilter queues: they hold packets until a step lets them go, so that a case decides who is first.

use std::collections::VecDeque;
use std::io;

use super::netlink::{NLM_F_ACK, Netlink, attribute, attributes};

/// `NFNL_SUBSYS_QUEUE` in the upper byte of a message's kind.
const SUBSYSTEM: u16 = 3 << 8;
const PACKET: u16 = SUBSYSTEM;
const VERDICT: u16 = SUBSYSTEM | 1;
const CONFIG: u16 = SUBSYSTEM | 2;

/// One queue and the packets that wait in it.
pub(super) struct Queue {
    socket: Netlink,
    number: u16,
    held: VecDeque<[u8; 4]>,
}

impl Queue {
    /// Binds the queue of the current namespace.
    pub(super) fn bind(number: u16) -> io::Result<Self> {
        const CMD: u16 = 1;
        const PARAMS: u16 = 2;
        const BIND: u8 = 1;
        const AF_INET: u8 = 2;
        const COPY_PACKET: u8 = 2;
        let mut queue = Self { socket: Netlink::netfilter()?, number, held: VecDeque::new() };
        for option in [
            attribute(CMD, &[BIND, 0, 0, AF_INET]),
            attribute(PARAMS, &[0, 0, 0xff, 0xff, COPY_PACKET]),
        ] {
            let body = [queue.header().as_slice(), &option].concat();
            queue.socket.request(CONFIG, NLM_F_ACK, &body)?;
        }
        Ok(queue)
    }

    /// `struct nfgenmsg` for this queue.
    fn header(&self) -> [u8; 4] {
        let [high, low] = self.number.to_be_bytes();
        [0, 0, high, low]
    }

    /// Lets the oldest `count` packets go on, or all of them.
    pub(super) fn accept(&mut self, count: Option<u32>) -> io::Result<()> {
        const PACKET_HEADER: u16 = 1;
        const VERDICT_HEADER: u16 = 2;
        const NF_ACCEPT: [u8; 4] = [0, 0, 0, 1];
        let messages = self.socket.received()?;
        let packets =
            messages.iter().filter(|(kind, _)| *kind == PACKET).filter_map(|(_, body)| {
                let header = attributes(body.get(4..)?).get(&PACKET_HEADER).copied()?;
                <[u8; 4]>::try_from(header.get(..4)?).ok()
            });
        self.held.extend(packets);
        let all = self.held.len();
        let count = count.map_or(all, |count| usize::try_from(count).unwrap_or(all));
        for id in self.held.drain(..count.min(all)).collect::<Vec<[u8; 4]>>() {
            let verdict = attribute(VERDICT_HEADER, &[NF_ACCEPT, id].concat());
            let body = [self.header().as_slice(), &verdict].concat();
            self.socket.tell(VERDICT, 0, &body)?;
        }
        Ok(())
    }
}
