//! Cut files, full disks, directories that cannot be written, and files that others keep.

use std::fs::{self, File, OpenOptions};
use std::sync::Arc;
use std::time::Duration;

use flue_core::ErrorKind;
use flue_core::store::{Entry, SessionStore as _, Version};
use flue_core_store_jsonl::JsonLines;
use flue_core_testkit::{Scratch, SmallDisk};

use crate::support::{key, said};

#[tokio::test]
async fn a_file_cut_at_any_byte_has_every_whole_append_and_goes_on() {
    let scratch = Scratch::new("jsonl");
    let store = JsonLines::open(scratch.path()).await.unwrap();
    let appends = [vec![said("é1")], vec![said("2"), said("3")], vec![said("4 日本")]];
    let path = scratch.path().join("h/s.jsonl");
    let mut ends = vec![(0, 0)];
    for entries in &appends {
        let at = Version(ends.last().unwrap().1);
        let version = store.append(&key(), at, entries.clone()).await.unwrap();
        ends.push((fs::metadata(&path).unwrap().len(), version.0));
    }
    let whole = fs::read(&path).unwrap();
    let all: Vec<Entry> = appends.concat();
    for cut in 0..whole.len() {
        fs::write(&path, &whole[..cut]).unwrap();
        let expected = ends.iter().rev().find(|(end, _)| *end <= cut as u64).unwrap().1;
        // As another process finds it, and as the one that wrote it.
        for store in [JsonLines::open(scratch.path()).await.unwrap(), store.clone()] {
            let stored = store.load(&key()).await.unwrap();
            assert_eq!(stored.entries, all[..expected as usize], "cut at byte {cut}");
        }
        let listed = store.list("h").await.unwrap().len();
        assert_eq!(listed, usize::from(expected > 0), "cut at byte {cut}");
        let version = store.append(&key(), Version(expected), vec![said("more")]).await.unwrap();
        let stored = store.load(&key()).await.unwrap();
        assert_eq!((stored.version, stored.entries.last()), (version, Some(&said("more"))), "cut at byte {cut}");
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_full_disk_loses_nothing() {
    let disk = SmallDisk::mount(64);
    let store = JsonLines::open(disk.path()).await.unwrap();
    let mut expected = Vec::new();
    let error = loop {
        let entries = vec![said(&"x".repeat(3000)), said("and a short one")];
        match store.append(&key(), Version(expected.len() as u64), entries.clone()).await {
            Ok(_) => expected.extend(entries),
            Err(error) => break error,
        }
        assert!(expected.len() < 100, "the disk is never full");
    };
    assert_eq!(error.kind(), ErrorKind::Io);
    assert!(
        error.message().contains("no room for more") && format!("{error:#}").contains("No space left"),
        "{error:#}"
    );
    assert!(!expected.is_empty());
    for store in [store.clone(), JsonLines::open(disk.path()).await.unwrap()] {
        assert_eq!(store.load(&key()).await.unwrap().entries, expected);
    }
    // Room again: the session goes on.
    let room = disk.path().join("h/s.jsonl");
    let held = fs::read(&room).unwrap();
    assert!(held.ends_with(b"\n"), "no half of an append is left");
    let smaller = [said("short")];
    if store.append(&key(), Version(expected.len() as u64), smaller.to_vec()).await.is_ok() {
        expected.extend(smaller);
    }
    assert_eq!(store.load(&key()).await.unwrap().entries, expected);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_directory_that_cannot_be_written_can_be_read() {
    let disk = SmallDisk::mount(64);
    let store = JsonLines::open(disk.path()).await.unwrap();
    store.append(&key(), Version(0), vec![said("a")]).await.unwrap();
    let path = disk.path();
    disk.set_read_only(true);
    let store = JsonLines::open(path).await.unwrap();
    assert_eq!(store.load(&key()).await.unwrap().entries, [said("a")]);
    assert_eq!(store.list("h").await.unwrap(), [key()]);
    let other = flue_core::store::SessionKey::new("other", "s");
    for error in [
        store.append(&key(), Version(1), vec![said("b")]).await.unwrap_err(),
        store.append(&other, Version(0), vec![said("b")]).await.unwrap_err(),
        store.delete(&key()).await.unwrap_err(),
        JsonLines::open(path.join("new")).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
        assert!(error.message().contains("whether it can be written") && error.fact("path").is_some(), "{error}");
    }
    assert_eq!(store.load(&key()).await.unwrap().entries, [said("a")]);
}

#[tokio::test]
async fn a_place_that_is_no_directory_is_refused() {
    let scratch = Scratch::new("jsonl");
    let file = scratch.path().join("file");
    File::create(&file).unwrap();
    assert_eq!(JsonLines::open(&file).await.unwrap_err().kind(), ErrorKind::Io);
    assert_eq!(JsonLines::open("").await.unwrap_err().kind(), ErrorKind::Config);
}

#[tokio::test]
async fn an_append_waits_for_whoever_holds_the_file() {
    let scratch = Scratch::new("jsonl");
    let store = Arc::new(JsonLines::open(scratch.path()).await.unwrap());
    store.append(&key(), Version(0), vec![said("a")]).await.unwrap();
    let held = OpenOptions::new().read(true).write(true).open(scratch.path().join("h/s.jsonl")).unwrap();
    held.lock().unwrap();
    let waiting = tokio::spawn({
        let store = store.clone();
        async move { store.append(&key(), Version(1), vec![said("b")]).await }
    });
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!waiting.is_finished());
    held.unlock().unwrap();
    assert_eq!(waiting.await.unwrap().unwrap(), Version(2));
}
