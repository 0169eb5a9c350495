//! The private folder of a lab: its socket and its shims.

use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use nix::unistd::geteuid;
use tempfile::TempDir;

use super::proc;
use crate::lab::names;

/// What the names of all such folders start with.
const PREFIX: &str = "kubewire-lab-";
/// Locked for as long as the server lives.
const LOCK: &str = "lock";
/// The longest path of a folder whose socket's path still fits into a socket address.
const MAX_PATH: usize = 90;

/// The folder of a running lab. It is removed when this is dropped.
#[derive(Debug)]
pub(super) struct Room {
    dir: TempDir,
    _lock: File,
}

impl Room {
    /// Makes a folder that only this user can look into, with the shims in it.
    pub(super) fn new() -> io::Result<Self> {
        let parent = parent();
        sweep(&parent);
        let dir = tempfile::Builder::new()
            .prefix(PREFIX)
            .permissions(fs::Permissions::from_mode(0o700))
            .tempdir_in(&parent)?;
        let room = Self { _lock: lock(dir.path())?, dir };
        let program = std::env::current_exe()?;
        let shims = room.shims();
        fs::create_dir(&shims)?;
        names::shims().try_for_each(|name| symlink(&program, shims.join(name)))?;
        Ok(room)
    }

    /// The folder.
    pub(super) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// The folder that stands first in `PATH`.
    pub(super) fn shims(&self) -> PathBuf {
        self.path().join(names::SHIMS)
    }

    /// Opens the socket that the shims connect to.
    pub(super) fn listen(&self) -> io::Result<UnixListener> {
        let listener = UnixListener::bind(self.path().join(names::SOCKET))?;
        listener.set_nonblocking(true)?;
        Ok(listener)
    }
}

/// Where the folder is made.
fn parent() -> PathBuf {
    let parent = std::env::temp_dir();
    if parent.is_absolute() && parent.as_os_str().len() <= MAX_PATH - PREFIX.len() {
        parent
    } else {
        PathBuf::from("/tmp")
    }
}

/// Makes the lock. It appears under its name only once it is locked, so that nobody takes a folder that
/// is just being made for one whose owner is gone.
fn lock(dir: &Path) -> io::Result<File> {
    let unlocked = dir.join("unlocked");
    let file = File::create(&unlocked)?;
    file.lock()?;
    fs::rename(unlocked, dir.join(LOCK))?;
    Ok(file)
}

/// Removes the folders of labs whose server was killed. That nobody cares about failures here is on
/// purpose: the next lab tries again.
fn sweep(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        if is_left_over(&path) {
            let _tried = fs::remove_dir_all(path);
        }
    }
}

/// Whether a folder belonged to a lab that is gone. As long as a process of that lab lives, its shims
/// have to stay: without them it would find the real commands of the same names.
fn is_left_over(path: &Path) -> bool {
    let named = path.file_name().and_then(|name| name.to_str());
    let ours = named.is_some_and(|name| name.starts_with(PREFIX))
        && fs::symlink_metadata(path).is_ok_and(|m| m.is_dir() && m.uid() == geteuid().as_raw());
    let abandoned = || {
        File::open(path.join(LOCK))
            .is_ok_and(|lock| !matches!(lock.try_lock(), Err(TryLockError::WouldBlock)))
    };
    ours && abandoned()
        && !proc::is_in_an_environment(&format!("{}={}", names::LAB, path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_folders_without_a_living_server_are_swept() {
        let parent = tempfile::tempdir().unwrap();
        let make = |name: &str| {
            let dir = parent.path().join(name);
            fs::create_dir(&dir).unwrap();
            (lock(&dir).unwrap(), dir)
        };
        let (_alive, kept) = make("kubewire-lab-alive");
        let (dead, left) = make("kubewire-lab-dead");
        let (other, strange) = make("something-else");
        drop((dead, other));
        let fresh = parent.path().join("kubewire-lab-fresh");
        fs::create_dir(&fresh).unwrap();
        sweep(parent.path());
        assert!(kept.exists() && strange.exists() && fresh.exists() && !left.exists());
    }

    #[test]
    fn a_folder_is_private_and_goes_with_its_lab() {
        let room = Room::new().unwrap();
        let path = room.path().to_owned();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        assert!(room.shims().join("sleep").is_symlink());
        drop(room);
        assert!(!path.exists());
    }
}
