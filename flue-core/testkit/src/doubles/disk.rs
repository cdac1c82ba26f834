//! Places on a real disk, that go with the value.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};

/// An empty directory of the host, removed with the value.
#[derive(Debug)]
pub struct Scratch(PathBuf);

impl Scratch {
    /// A new directory, with `name` in its name.
    ///
    /// # Panics
    /// When the host has no room for one.
    pub fn new(name: &str) -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("flue-{name}-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap_or_else(|error| panic!("{}: {error}", dir.display()));
        Self(dir)
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A disk that is soon full, on Linux. Mounting it takes root.
#[derive(Debug)]
pub struct SmallDisk(Scratch);

impl SmallDisk {
    /// A new disk of so many KiB.
    ///
    /// # Panics
    /// When it cannot be mounted.
    pub fn mount(kilobytes: u32) -> Self {
        let disk = Self(Scratch::new("disk"));
        disk.run(Command::new("mount").args(["-t", "tmpfs", "-o", &format!("size={kilobytes}k"), "tmpfs"]));
        disk
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Lets nobody write to it any more, or everybody again.
    ///
    /// # Panics
    /// When it cannot be mounted so.
    pub fn set_read_only(&self, read_only: bool) {
        let option = if read_only { "remount,ro" } else { "remount,rw" };
        self.run(Command::new("mount").args(["-o", option]));
    }

    fn run(&self, command: &mut Command) {
        let status = command.arg(self.path()).status();
        let done = status.as_ref().is_ok_and(std::process::ExitStatus::success);
        assert!(done, "a small disk is mounted by root, on Linux: {status:?}");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}
