//! The format: written as the fixture has it, read for ever, and refused when it is newer.

use std::path::PathBuf;

use flue_core::ErrorKind;
use flue_core::store::{SessionStore as _, Version};
use flue_core_store_jsonl::JsonLines;
use flue_core_testkit::Scratch;

use crate::support::{key, said};

/// A session of every kind of entry, as the first version of the format has it. Never edited: files like it are out there.
const FORMAT_1: &str = include_str!("../fixtures/format-1.jsonl");

fn write(scratch: &Scratch, text: &str) -> PathBuf {
    let dir = scratch.path().join("h");
    std::fs::create_dir_all(&dir).unwrap();
    std::fs::write(dir.join("s.jsonl"), text).unwrap();
    dir.join("s.jsonl")
}

#[tokio::test]
async fn the_first_format_is_read_and_written_byte_for_byte() {
    let scratch = Scratch::new("jsonl");
    write(&scratch, FORMAT_1);
    let store = JsonLines::open(scratch.path()).await.unwrap();
    let stored = store.load(&key()).await.unwrap();
    assert_eq!(stored.version, Version(11));
    assert_eq!(store.list("h").await.unwrap(), [key()]);
    store.delete(&key()).await.unwrap();
    let mut at = Version(0);
    // Each was added alone, but for the fourth and the fifth.
    let (first, rest) = stored.entries.split_at(3);
    let (both, rest) = rest.split_at(2);
    for entries in first.chunks(1).chain([both]).chain(rest.chunks(1)) {
        at = store.append(&key(), at, entries.to_vec()).await.unwrap();
    }
    assert_eq!(std::fs::read_to_string(scratch.path().join("h/s.jsonl")).unwrap(), FORMAT_1);
}

#[tokio::test]
async fn what_is_newer_is_refused_and_left_alone() {
    let header = r#"{"flue_session":1,"harness":"h","session":"s"}"#;
    for newer in [
        r#"{"flue_session":2,"name":["h","s"]}"#.to_owned() + "\n{}\n",
        format!("{header}\n{}\n", r#"{"v":2,"at_ms":1,"kind":{"type":"dream"}}"#),
    ] {
        let scratch = Scratch::new("jsonl");
        let path = write(&scratch, &newer);
        let store = JsonLines::open(scratch.path()).await.unwrap();
        let error = store.load(&key()).await.unwrap_err();
        assert_eq!((error.kind(), error.fact("stored_format")), (ErrorKind::Unsupported, Some("2")), "{newer}");
        assert!(error.fact("path").is_some_and(|path| path.ends_with("s.jsonl")), "{error}");
        let appended = store.append(&key(), Version(0), vec![said("x")]).await;
        assert!([ErrorKind::Unsupported, ErrorKind::Conflict].contains(&appended.unwrap_err().kind()));
        assert_eq!(std::fs::read_to_string(path).unwrap(), newer);
    }
}

#[tokio::test]
async fn damage_is_told_with_its_place_and_left_alone() {
    let header = r#"{"flue_session":1,"harness":"h","session":"s"}"#;
    let entry = r#"{"v":1,"at_ms":1,"kind":{"type":"created"}}"#;
    for (damaged, line) in [
        ("not ours\n{}\n".to_owned(), "1"),
        (r#"{"flue_session":0,"harness":"h","session":"s"}"#.to_owned() + "\n", "1"),
        (format!("{header}\n{entry}\n{{\"v\":1,\n{entry}\n"), "3"),
        (format!("{header}\n[{entry},\n{entry}\n"), "2"),
        (format!("{header}\n\n{entry}\n"), "2"),
    ] {
        let scratch = Scratch::new("jsonl");
        let path = write(&scratch, &damaged);
        let store = JsonLines::open(scratch.path()).await.unwrap();
        let error = store.load(&key()).await.unwrap_err();
        assert_eq!((error.kind(), error.fact("line")), (ErrorKind::Protocol, Some(line)), "{damaged}: {error}");
        store.append(&key(), Version(0), vec![said("x")]).await.unwrap_err();
        assert_eq!(std::fs::read_to_string(path).unwrap(), damaged);
    }
}

#[tokio::test]
async fn a_file_of_another_session_is_not_taken_for_ones_own() {
    let scratch = Scratch::new("jsonl");
    write(&scratch, &FORMAT_1.replace(r#""session":"s""#, r#""session":"S""#));
    let store = JsonLines::open(scratch.path()).await.unwrap();
    let error = store.load(&key()).await.unwrap_err();
    assert_eq!((error.kind(), error.fact("other")), (ErrorKind::AlreadyExists, Some("h/S")));
}
