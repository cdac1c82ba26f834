//! What is mounted beneath a directory: a layer over it would not show that.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};

use flue_core::{Error, ErrorKind, Result};

/// The mounts of this process, as proc_pid_mountinfo(5) describes them.
const MOUNTS: &str = "/proc/self/mountinfo";

/// Refuses a directory that a layer cannot stand for.
pub(super) fn check(dir: &Path) -> Result<()> {
    let refused = |why: &'static str| Error::new(ErrorKind::Unsupported, "open", why).with("path", dir.display());
    if dir.parent().is_none() {
        return Err(refused("an overlay lies over a directory, not over the whole machine; name one"));
    }
    let mounts = std::fs::read(MOUNTS)
        .map_err(|error| refused("what is mounted on this machine cannot be read").with_source(error))?;
    match points(&mounts).find(|point| point != dir && point.starts_with(dir)) {
        Some(point) => Err(refused(
            "a file system is mounted inside of the directory, which an overlay would not show; \
             unmount it, or take another directory",
        )
        .with("mounted_on", point.display())),
        None => Ok(()),
    }
}

/// Where something is mounted: the fifth field of each line, with blanks and backslashes as octal numbers.
fn points(mounts: &[u8]) -> impl Iterator<Item = PathBuf> {
    mounts.split(|byte| *byte == b'\n').filter_map(|line| line.split(|byte| *byte == b' ').nth(4)).map(unescaped)
}

fn unescaped(mut field: &[u8]) -> PathBuf {
    let mut path = Vec::new();
    while let Some((first, rest)) = field.split_first() {
        let octal = rest.get(..3).filter(|_| *first == b'\\').and_then(|digits| std::str::from_utf8(digits).ok());
        match octal.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(byte) => {
                path.push(byte);
                field = &rest[3..];
            }
            None => {
                path.push(*first);
                field = rest;
            }
        }
    }
    OsString::from_vec(path).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_are_read_with_their_blanks() {
        let mounts = b"24 1 8:1 / / rw - ext4 /dev/sda rw\n25 24 0:5 / /a\\040b\\134c rw shared:1 - tmpfs x rw\n\n";
        assert_eq!(points(mounts).collect::<Vec<_>>(), [PathBuf::from("/"), PathBuf::from("/a b\\c")]);
    }

    #[test]
    fn the_whole_machine_and_what_holds_mounts_are_refused() {
        assert_eq!(check(Path::new("/")).unwrap_err().kind(), ErrorKind::Unsupported);
        // There is something in it wherever there is a /proc to read it from.
        let error = check(Path::new("/proc/..").canonicalize().unwrap().join("dev").as_path());
        assert!(error.is_err_and(|error| error.fact("mounted_on").is_some_and(|point| point.starts_with("/dev/"))));
        check(&std::env::temp_dir().join("nothing-is-mounted-here")).unwrap();
    }
}
