//! What each operation does, and what it refuses.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::*;

#[test]
fn files_are_written_replaced_appended_and_read() {
    let tree = tree();
    tree.write("/a", b"one".to_vec(), Parents::Require).unwrap();
    tree.append("/a", b" two").unwrap();
    assert_eq!(tree.text("/a"), "one two");
    tree.write("/a", b"\0\xff".to_vec(), Parents::Require).unwrap();
    assert_eq!(&tree.read("/a").unwrap()[..], b"\0\xff");
    tree.append("/new", b"x").unwrap();
    assert_eq!(tree.text("/new"), "x");
    assert_eq!(tree.usage(), Usage { bytes: 3, files: 2, dirs: 0 });
}

#[test]
fn paths_are_normalised_in_the_text() {
    let tree = tree();
    tree.put("/a/b", "x");
    for path in ["/a/b", "a/b", "//a//b/", "/a/./b", "/../a/c/../b"] {
        assert_eq!(tree.text(path), "x", "{path}");
    }
    assert_eq!(tree.stat("", Links::Keep).unwrap().kind, Kind::Dir);
    assert_eq!(tree.stat("/..", Links::Keep).unwrap().kind, Kind::Dir);
}

#[test]
fn parents_are_made_only_when_asked() {
    let tree = tree();
    refused!(tree.write("/a/b/c", Vec::new(), Parents::Require), TreeError::NotFound);
    refused!(tree.mkdir("/a/b", Parents::Require), TreeError::NotFound);
    refused!(tree.append("/a/b", b"x"), TreeError::NotFound);
    assert_eq!(tree.usage(), Usage::default());
    tree.write("/a/b/c", Vec::new(), Parents::Make).unwrap();
    tree.mkdir("/a/b", Parents::Make).unwrap();
    tree.mkdir("/x/y/z", Parents::Make).unwrap();
    assert_eq!(tree.dump(), ["/a dir", "/a/b dir", "/a/b/c ", "/x dir", "/x/y dir", "/x/y/z dir"]);
    tree.audit();
}

#[test]
fn what_is_there_is_not_made_again() {
    let tree = tree();
    tree.put("/d/f", "x");
    refused!(tree.mkdir("/d", Parents::Require), TreeError::Exists);
    refused!(tree.mkdir("/d/f", Parents::Require), TreeError::Exists);
    refused!(tree.mkdir("/d/f", Parents::Make), TreeError::Exists);
    refused!(tree.mkdir("/d/f/g", Parents::Make), TreeError::NotADirectory);
    refused!(tree.mkdir("/", Parents::Require), TreeError::Exists);
    refused!(tree.symlink("x", "/d/f"), TreeError::Exists);
    refused!(tree.mkfifo("/d/f", 0o600), TreeError::Exists);
}

#[test]
fn directories_and_files_are_not_confused() {
    let tree = tree();
    tree.put("/d/f", "x");
    refused!(tree.read("/d"), TreeError::IsADirectory);
    refused!(tree.write("/d", Vec::new(), Parents::Make), TreeError::IsADirectory);
    refused!(tree.append("/", b"x"), TreeError::IsADirectory);
    refused!(tree.read_dir("/d/f"), TreeError::NotADirectory);
    refused!(tree.read("/d/f/g"), TreeError::NotADirectory);
    refused!(tree.write("/d/f/g", Vec::new(), Parents::Make), TreeError::NotADirectory);
    refused!(tree.read("/d/g"), TreeError::NotFound);
    refused!(tree.read_link("/d/f"), TreeError::InvalidArgument);
    assert!(!tree.exists("/d/f/g", Links::Follow).unwrap());
    assert!(tree.exists("/d/f", Links::Follow).unwrap());
}

#[test]
fn listings_are_sorted_by_the_bytes_of_names() {
    let tree = tree();
    for name in ["b", "a", "Z", "é", ".x", "a\nb", "-", "\u{1f600}"] {
        tree.put(&format!("/{name}"), name);
    }
    assert_eq!(tree.names("/"), ["-", ".x", "Z", "a", "a\nb", "b", "é", "\u{1f600}"]);
    assert_eq!(tree.text("/a\nb"), "a\nb");
    tree.remove("/a\nb", false).unwrap();
    refused!(tree.read("/a\0"), TreeError::InvalidName(_));
}

#[test]
fn removal_needs_recursive_for_what_is_not_empty() {
    let tree = tree();
    tree.put("/d/e/f", "xyz");
    tree.put("/keep", "k");
    refused!(tree.remove("/d", false), TreeError::NotEmpty);
    refused!(tree.remove("/gone", true), TreeError::NotFound);
    refused!(tree.remove("/", true), TreeError::Busy);
    tree.remove("/d", true).unwrap();
    assert_eq!(tree.dump(), ["/keep k"]);
    tree.mkdir("/empty", Parents::Require).unwrap();
    tree.remove("/empty", false).unwrap();
    assert_eq!(tree.usage(), Usage { bytes: 1, files: 1, dirs: 0 });
}

#[test]
fn rename_replaces_what_posix_replaces() {
    let tree = tree();
    tree.put("/a", "a");
    tree.put("/b", "bb");
    tree.rename("/a", "/b").unwrap();
    assert_eq!(tree.dump(), ["/b a"]);
    tree.put("/d/f", "f");
    tree.mkdir("/empty", Parents::Require).unwrap();
    refused!(tree.rename("/b", "/empty"), TreeError::IsADirectory);
    refused!(tree.rename("/empty", "/b"), TreeError::NotADirectory);
    refused!(tree.rename("/empty", "/d"), TreeError::NotEmpty);
    refused!(tree.rename("/d/f", "/d"), TreeError::IsADirectory);
    refused!(tree.rename("/d", "/d/x"), TreeError::InvalidArgument);
    refused!(tree.rename("/d", "/none/x"), TreeError::NotFound);
    refused!(tree.rename("/none", "/x"), TreeError::NotFound);
    refused!(tree.rename("/", "/x"), TreeError::Busy);
    tree.rename("/d", "/d").unwrap();
    tree.rename("/d", "/empty").unwrap();
    assert_eq!(tree.dump(), ["/b a", "/empty dir", "/empty/f f"]);
    tree.audit();
}

#[test]
fn copy_takes_content_and_mode_and_keeps_the_modes_that_are_there() {
    let tree = tree();
    tree.put("/a", "a");
    tree.chmod("/a", 0o755).unwrap();
    tree.copy("/a", "/b").unwrap();
    assert_eq!(tree.stat("/b", Links::Keep).unwrap().mode, 0o755);
    tree.append("/b", b"b").unwrap();
    tree.put("/c", "old");
    tree.copy("/b", "/c").unwrap();
    assert_eq!(tree.stat("/c", Links::Keep).unwrap().mode, 0o644);
    assert_eq!(tree.dump(), ["/a a", "/b ab", "/c ab"]);
    tree.copy("/a", "/a").unwrap();
    tree.mkdir("/d", Parents::Require).unwrap();
    refused!(tree.copy("/d", "/e"), TreeError::IsADirectory);
    refused!(tree.copy("/a", "/d"), TreeError::IsADirectory);
    refused!(tree.copy("/a", "/x/y"), TreeError::NotFound);
    tree.audit();
}

#[test]
fn writing_keeps_mode_and_creation_time_and_moves_the_times_of_change() {
    let tree = tree();
    let past = UNIX_EPOCH + Duration::from_secs(1_000_000);
    tree.put("/d/f", "x");
    tree.chmod("/d/f", 0o100_755).unwrap();
    tree.set_modified("/d/f", past).unwrap();
    tree.set_modified("/d", past).unwrap();
    let before = tree.stat("/d/f", Links::Keep).unwrap();
    assert_eq!((before.mode, before.modified), (0o755, past));
    tree.put("/d/f", "y");
    let after = tree.stat("/d/f", Links::Keep).unwrap();
    assert_eq!((after.mode, after.created), (0o755, before.created));
    assert!(after.modified > past && after.modified <= SystemTime::now());
    assert_eq!(tree.stat("/d", Links::Keep).unwrap().modified, past, "no entry came or went");
    tree.put("/d/g", "");
    assert!(tree.stat("/d", Links::Keep).unwrap().modified > past);
}

#[test]
fn pipes_hold_what_is_written() {
    let tree = tree();
    tree.mkfifo("/p", 0o600).unwrap();
    tree.write("/p", b"one".to_vec(), Parents::Require).unwrap();
    tree.append("/p", b"two").unwrap();
    assert_eq!(tree.text("/p"), "onetwo");
    let stat = tree.stat("/p", Links::Keep).unwrap();
    assert_eq!((stat.kind, stat.mode, stat.len), (Kind::Fifo, 0o600, 6));
    tree.audit();
}

#[test]
fn devices_swallow_or_generate_and_stay() {
    let tree = tree();
    tree.add_devices().unwrap();
    assert_eq!(tree.names("/dev"), ["fd", "null", "random", "urandom"]);
    let before = tree.usage();
    tree.write("/dev/null", b"gone".to_vec(), Parents::Require).unwrap();
    tree.append("/dev/null", b"gone").unwrap();
    assert!(tree.read("/dev/null").unwrap().is_empty());
    let random = tree.read("/dev/urandom").unwrap();
    assert_eq!(random.len(), 8192);
    assert_ne!(random, tree.read("/dev/urandom").unwrap());
    refused!(tree.remove("/dev/null", false), TreeError::NotPermitted);
    refused!(tree.remove("/dev", true), TreeError::NotPermitted);
    refused!(tree.rename("/dev", "/d"), TreeError::NotPermitted);
    tree.put("/f", "x");
    refused!(tree.rename("/f", "/dev/null"), TreeError::NotPermitted);
    tree.copy("/f", "/dev/null").unwrap();
    tree.remove("/f", false).unwrap();
    assert_eq!(tree.usage(), before);
    tree.audit();
}

#[test]
fn error_texts_and_kinds_are_those_of_unix() {
    use std::io::ErrorKind;
    for (error, text, kind) in [
        (TreeError::NotFound, "No such file or directory", ErrorKind::NotFound),
        (TreeError::Exists, "File exists", ErrorKind::AlreadyExists),
        (TreeError::IsADirectory, "Is a directory", ErrorKind::IsADirectory),
        (TreeError::NotADirectory, "Not a directory", ErrorKind::NotADirectory),
        (TreeError::NotEmpty, "Directory not empty", ErrorKind::DirectoryNotEmpty),
        (TreeError::LinkLoop, "Too many levels of symbolic links", ErrorKind::Other),
        (TreeError::ReadOnly, "Read-only file system", ErrorKind::ReadOnlyFilesystem),
        (TreeError::NotPermitted, "Operation not permitted", ErrorKind::PermissionDenied),
    ] {
        let error = std::io::Error::from(error);
        assert_eq!((error.to_string().as_str(), error.kind()), (text, kind));
    }
}
