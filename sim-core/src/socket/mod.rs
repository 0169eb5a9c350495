//! Sockets.

use crate::id::{NetnsId, ProcId, SocketId};
use crate::world::World;

/// A socket.
#[derive(Clone, Debug)]
pub struct Socket {
    /// The namespace it was opened in.
    pub netns: NetnsId,
    /// The program that is called when it changes.
    pub owner: Option<ProcId>,
}

impl World {
    /// Closes a socket (`close(2)`).
    pub fn close_socket(&mut self, socket: SocketId) {
        self.kernel.sockets.remove(socket);
    }
}
