//! The format: written as the fixture has it, read for ever, and refused when it is newer or not ours.

use std::path::{Path, PathBuf};

use flue_core::ErrorKind;
use flue_core::store::{Entry, SessionStore as _, Version};
use flue_core_store_sqlite::Sqlite;
use flue_core_testkit::Scratch;
use rusqlite::Connection;

use crate::support::{key, said};

/// A session as the first version of the format has it. Never edited: databases like it are out there.
const FORMAT_1: &str = include_str!("../fixtures/format-1.sql");

fn made(scratch: &Scratch, sql: &str) -> PathBuf {
    let path = scratch.path().join("sessions.db");
    Connection::open(&path).unwrap().execute_batch(sql).unwrap();
    path
}

/// What a database is: its marks, its tables, its rows.
fn dump(path: &Path) -> Vec<String> {
    let connection = Connection::open(path).unwrap();
    let mut lines = Vec::new();
    for sql in [
        "SELECT application_id FROM pragma_application_id",
        "SELECT user_version FROM pragma_user_version",
        "SELECT sql FROM sqlite_schema",
        "SELECT format('%Q %Q %d %Q', harness, session, number, content) FROM entry ORDER BY 1",
    ] {
        let mut query = connection.prepare(sql).unwrap();
        let mut rows = query.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            lines.push(format!("{:?}", row.get_ref(0).unwrap()));
        }
    }
    lines
}

#[tokio::test]
async fn the_first_format_is_read_and_written_row_for_row() {
    let (old, new) = (Scratch::new("sqlite"), Scratch::new("sqlite"));
    let path = made(&old, FORMAT_1);
    let stored = Sqlite::open(&path).await.unwrap().load(&key()).await.unwrap();
    assert_eq!(stored.version, Version(3));
    let fresh = new.path().join("sessions.db");
    let store = Sqlite::open(&fresh).await.unwrap();
    store.append(&key(), Version(0), stored.entries).await.unwrap();
    assert_eq!(dump(&fresh), dump(&path));
}

#[tokio::test]
async fn what_is_newer_or_not_ours_is_refused_and_left_alone() {
    let newer = FORMAT_1.replace("user_version = 1", "user_version = 2");
    let older = FORMAT_1.replace("user_version = 1", "user_version = -1");
    let other = "CREATE TABLE entry (a TEXT); INSERT INTO entry VALUES ('theirs');";
    for (sql, kind) in
        [(newer.as_str(), ErrorKind::Unsupported), (&older, ErrorKind::Protocol), (other, ErrorKind::Config)]
    {
        let scratch = Scratch::new("sqlite");
        let path = made(&scratch, sql);
        let before = std::fs::read(&path).unwrap();
        let error = Sqlite::open(&path).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert_eq!(error.fact("path"), path.to_str());
        assert_eq!(std::fs::read(&path).unwrap(), before, "{sql}");
    }
    let scratch = Scratch::new("sqlite");
    let path = scratch.path().join("sessions.db");
    std::fs::write(&path, "this is a text file, and a longer one than a database's first mark\n".repeat(20)).unwrap();
    let error = Sqlite::open(&path).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config, "{error}");
    assert!(error.message().contains("not a SQLite database"), "{error}");
}

#[tokio::test]
async fn entries_that_are_newer_or_damaged_are_told_with_their_place() {
    let row = |number: u32, content: &str| format!("INSERT INTO entry VALUES ('h', 's', {number}, '{content}');");
    for (rows, kind) in [
        (row(3, r#"{"v":2,"dream":1}"#), ErrorKind::Unsupported),
        (row(3, r#"{"v":1"#), ErrorKind::Protocol),
        (row(4, r#"{"v":1,"at_ms":1,"kind":{"type":"created"}}"#), ErrorKind::Protocol),
    ] {
        let scratch = Scratch::new("sqlite");
        let path = made(&scratch, &format!("{FORMAT_1}{rows}"));
        let store = Sqlite::open(&path).await.unwrap();
        let error = store.load(&key()).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{rows}: {error}");
        assert!(error.fact("number").is_some() && error.fact("session") == Some("h/s"), "{error}");
    }
}

#[tokio::test]
async fn many_can_make_the_database_at_once() {
    let scratch = Scratch::new("sqlite");
    let path = scratch.path().join("deep/er/sessions.db");
    let opening: Vec<_> = (0..8)
        .map(|writer| {
            let path = path.clone();
            tokio::spawn(async move {
                let store = Sqlite::open(&path).await?;
                let key = flue_core::store::SessionKey::new("h", format!("s{writer}"));
                store.append(&key, Version(0), vec![said("x")]).await
            })
        })
        .collect();
    for opened in opening {
        opened.await.unwrap().unwrap();
    }
    let store = Sqlite::open(&path).await.unwrap();
    assert_eq!(store.list("h").await.unwrap().len(), 8);
    let entries: Vec<Entry> = store.load(&flue_core::store::SessionKey::new("h", "s0")).await.unwrap().entries;
    assert_eq!(entries, [said("x")]);
    assert_eq!(Sqlite::open("").await.unwrap_err().kind(), ErrorKind::Config);
}
