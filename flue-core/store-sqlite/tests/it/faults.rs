//! Cut files, full disks, files that cannot be written, and databases that others keep.

use std::fs;

use flue_core::ErrorKind;
use flue_core::store::{Entry, SessionStore as _, Version};
use flue_core_store_sqlite::Sqlite;
use flue_core_testkit::{Scratch, SmallDisk};
use rusqlite::Connection;

use crate::support::{key, said};

#[tokio::test]
async fn a_log_cut_anywhere_has_every_whole_append_and_goes_on() {
    let scratch = Scratch::new("sqlite");
    let path = scratch.path().join("sessions.db");
    let store = Sqlite::open(&path).await.unwrap();
    let mut all: Vec<Entry> = Vec::new();
    for number in 0..8 {
        let entries = [said(&format!("{number} {}", "x".repeat(900))), said("and more")];
        store.append(&key(), Version(all.len() as u64), entries.to_vec()).await.unwrap();
        all.extend(entries);
    }
    // As a crash leaves it: the log has what the database does not have yet.
    let (database, log) = (fs::read(&path).unwrap(), fs::read(scratch.path().join("sessions.db-wal")).unwrap());
    drop(store);
    let mut last = 0;
    for cut in (0..=log.len()).step_by(331).chain([log.len()]) {
        let other = Scratch::new("sqlite");
        let path = other.path().join("sessions.db");
        fs::write(&path, &database).unwrap();
        fs::write(other.path().join("sessions.db-wal"), &log[..cut]).unwrap();
        let store = Sqlite::open(&path).await.unwrap();
        let stored = store.load(&key()).await.unwrap().entries;
        assert!(
            all.starts_with(&stored) && stored.len().is_multiple_of(2),
            "cut at byte {cut}: {} entries",
            stored.len()
        );
        assert!(stored.len() >= last, "cut at byte {cut}");
        last = stored.len();
        store.append(&key(), Version(last as u64), vec![said("goes on")]).await.unwrap();
        assert_eq!(store.load(&key()).await.unwrap().entries.last(), Some(&said("goes on")));
    }
    assert_eq!(last, all.len());
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_full_disk_loses_nothing() {
    let disk = SmallDisk::mount(512);
    let path = disk.path().join("sessions.db");
    let store = Sqlite::open(&path).await.unwrap();
    let mut expected = Vec::new();
    let error = loop {
        let entries = vec![said(&"x".repeat(9000)), said("and a short one")];
        match store.append(&key(), Version(expected.len() as u64), entries.clone()).await {
            Ok(_) => expected.extend(entries),
            Err(error) => break error,
        }
        assert!(expected.len() < 1000, "the disk is never full");
    };
    assert_eq!(error.kind(), ErrorKind::Io);
    assert!(error.message().contains("no room for more"), "{error:#}");
    assert!(!expected.is_empty());
    assert_eq!(store.load(&key()).await.unwrap().entries, expected);
    drop(store);
    assert_eq!(Sqlite::open(&path).await.unwrap().load(&key()).await.unwrap().entries, expected);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_directory_that_cannot_be_written_is_told() {
    let disk = SmallDisk::mount(512);
    let path = disk.path().join("sessions.db");
    let store = Sqlite::open(&path).await.unwrap();
    store.append(&key(), Version(0), vec![said("a")]).await.unwrap();
    drop(store);
    disk.set_read_only(true);
    let mut errors = vec![Sqlite::open(disk.path().join("new/other.db")).await.unwrap_err()];
    match Sqlite::open(&path).await {
        Err(error) => errors.push(error),
        Ok(store) => errors.push(store.append(&key(), Version(1), vec![said("b")]).await.unwrap_err()),
    }
    for error in errors {
        assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error:#}");
        assert!(error.message().contains("whether it can be written") && error.fact("path").is_some(), "{error}");
    }
    disk.set_read_only(false);
    assert_eq!(Sqlite::open(&path).await.unwrap().load(&key()).await.unwrap().entries, [said("a")]);
}

#[tokio::test]
async fn an_append_waits_for_whoever_holds_the_database() {
    let scratch = Scratch::new("sqlite");
    let path = scratch.path().join("sessions.db");
    let store = Sqlite::open(&path).await.unwrap();
    store.append(&key(), Version(0), vec![said("a")]).await.unwrap();
    let holder = Connection::open(&path).unwrap();
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();
    let waiting = tokio::spawn({
        let store = store.clone();
        async move { store.append(&key(), Version(1), vec![said("b")]).await }
    });
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    assert!(!waiting.is_finished());
    holder.execute_batch("ROLLBACK").unwrap();
    assert_eq!(waiting.await.unwrap().unwrap(), Version(2));
}
