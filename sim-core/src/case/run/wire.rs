//! Sees every frame of every namespace, and puts frames into devices: with packet sockets, as on the
//! real kernel. A host with a packet socket on all protocols is not quite the host without it: frames
//! that nobody else wants no longer count as dropped.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use crate::errno::Errno;
use crate::id::{DevId, NetnsId, SocketId};
use crate::link;
use crate::packet::{EtherType, PacketType};
use crate::socket::{SockOpt, SocketType};
use crate::time::SimTime;
use crate::world::World;

use super::super::format::to_hex;
use super::super::observed::{Direction, FrameObserved};
use super::shared;

/// The packet sockets of a case under way and what they saw.
#[derive(Debug, Default)]
pub(super) struct Wire {
    captures: BTreeMap<NetnsId, SocketId>,
    /// By the device that each sends out of.
    injectors: BTreeMap<DevId, SocketId>,
    /// In the order in which each namespace saw them.
    frames: BTreeMap<NetnsId, Vec<(String, FrameObserved)>>,
}

impl Wire {
    /// Starts to capture in the namespaces where nobody does yet.
    pub(super) fn capture(
        &mut self,
        world: &mut World,
        namespaces: &[NetnsId],
    ) -> Result<(), Errno> {
        const QUEUE_BYTES: u32 = 16 << 20;
        for &netns in namespaces {
            if let Entry::Vacant(place) = self.captures.entry(netns) {
                let socket = world.socket(netns, SocketType::PacketRaw(EtherType::ALL))?;
                world.set_option(socket, SockOpt::RcvBuf(QUEUE_BYTES))?;
                place.insert(socket);
            }
        }
        Ok(())
    }

    /// Takes in what was captured since the last time, as caused by the step in line `step`.
    pub(super) fn drain(&mut self, world: &mut World, step: usize, begun: SimTime) {
        let mut frame = Vec::new();
        let mut rewritten = Vec::new();
        let mut begins = BTreeMap::new();
        for (netns, socket) in &self.captures {
            let list = self.frames.entry(*netns).or_default();
            let mut batch = Vec::new();
            begins.insert(*netns, list.len());
            while let Ok(info) = world.recv_packet(*socket, &mut frame) {
                let dev = world.kernel.devs.get(info.dev).map(|dev| dev.name.to_string());
                let since = info.time.as_micros().saturating_sub(begun.as_micros());
                let seen = FrameObserved {
                    n: list.len(),
                    step,
                    dir: if info.pkt_type == PacketType::Outgoing {
                        Direction::Out
                    } else {
                        Direction::In
                    },
                    pkttype: info.pkt_type.number(),
                    t_us: i64::try_from(since).unwrap_or(i64::MAX),
                    hex: to_hex(&frame),
                };
                batch.push(shared::Seen {
                    dir: seen.dir,
                    in_place: info.in_place,
                    frame: frame.clone(),
                });
                list.push((dev.unwrap_or_else(|| "gone".to_owned()), seen));
            }
            rewritten.extend(shared::rewritten(&batch));
        }
        for (was, is) in rewritten {
            let (was, is) = (to_hex(&was), to_hex(&is));
            for (netns, begin) in &begins {
                let list = self.frames.get_mut(netns).into_iter().flatten().skip(*begin);
                for (_, seen) in list.filter(|(_, seen)| seen.hex == was) {
                    seen.hex.clone_from(&is);
                }
            }
        }
    }

    /// Gives the frames of a namespace away.
    pub(super) fn take(&mut self, netns: NetnsId) -> Vec<(String, FrameObserved)> {
        self.frames.remove(&netns).unwrap_or_default()
    }

    /// Makes a device receive a frame: a veth does when its other end sends. That the device refuses it, because
    /// it is too long, is one of the things that may happen.
    pub(super) fn inject(
        &mut self,
        world: &mut World,
        dev: DevId,
        frame: &[u8],
    ) -> Result<(), String> {
        let peer = link::veth::peer(&world.kernel, dev);
        let peer = peer.ok_or("only a veth can be injected into")?;
        let refused = |errno: Errno| format!("its other end: {errno}");
        let socket = match self.injectors.get(&peer) {
            Some(&socket) => socket,
            None => {
                let netns = world.kernel.devs[peer].netns;
                let nothing = EtherType(0);
                let socket =
                    world.socket(netns, SocketType::PacketRaw(nothing)).map_err(refused)?;
                world.bind_packet(socket, Some(peer), nothing).map_err(refused)?;
                self.injectors.insert(peer, socket);
                socket
            }
        };
        match world.send_packet(socket, frame, None) {
            Ok(_) | Err(Errno::ENOBUFS) => Ok(()),
            Err(errno) => Err(refused(errno)),
        }
    }
}
