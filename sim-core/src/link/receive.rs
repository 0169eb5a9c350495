//! A device has received a frame (`__netif_receive_skb_core()`).

use crate::kernel::{Flight, Kernel};
use crate::link::RxHandler;
use crate::netns::stack::Decision;
use crate::packet::EtherType;
use crate::trace::{Direction, DropReason, Observer};

/// Who takes a received frame.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Taker {
    /// The bridge that the device is a port of.
    Bridge,
    /// ARP.
    Arp,
    /// IP.
    Ip,
}

/// Shows the frame to captures and finds who takes it. The packet's data starts behind the link
/// header, which stays in front of it.
pub fn receive<O: Observer>(k: &mut Kernel, f: &mut Flight, o: &mut O) -> Decision<Taker> {
    super::capture::tap(k, f, Direction::In, o);
    f.iif = Some(f.dev);
    match k.devs[f.dev].rx_handler {
        RxHandler::Bridge(_) => return Ok(Taker::Bridge),
        RxHandler::None => {}
    }
    match f.skb.meta.protocol {
        EtherType::ARP => Ok(Taker::Arp),
        EtherType::IPV4 => Ok(Taker::Ip),
        _ => Err(DropReason::UnhandledProto),
    }
}
