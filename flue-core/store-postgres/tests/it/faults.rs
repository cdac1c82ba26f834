//! Lost connections, tables that are newer, and servers that let nobody in.

use flue_core::ErrorKind;
use flue_core::model::Message;
use flue_core::store::{Entry, EntryKind, SessionKey, SessionStore as _, Version};
use flue_core_store_postgres::Postgres;

use crate::server::{database, run, url};

fn said(text: &str) -> Entry {
    Entry::new(1, EntryKind::Message { message: Message::user(text) })
}

#[tokio::test]
async fn a_lost_connection_is_made_again_and_loses_nothing() {
    let url = database("lost").await;
    let store = Postgres::open(&url).await.unwrap();
    let key = SessionKey::new("h", "s");
    let mut expected = Vec::new();
    for round in 0..20 {
        let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() \
                   AND datname = current_database()";
        if round % 3 == 1 {
            run(&url, end).await;
        }
        let entry = said(&round.to_string());
        // Whether it was stored is told by the store itself.
        let version = Version(expected.len() as u64);
        match store.append(&key, version, vec![entry.clone()]).await {
            Ok(_) => expected.push(entry),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:#}");
                if store.load(&key).await.unwrap().version > version {
                    expected.push(entry);
                }
            }
        }
    }
    assert!(expected.len() >= 13, "{}", expected.len());
    assert_eq!(store.load(&key).await.unwrap().entries, expected);
}

#[tokio::test]
async fn what_is_newer_is_refused_and_left_alone() {
    let url = database("newer").await;
    let store = Postgres::open(&url).await.unwrap();
    let key = SessionKey::new("h", "s");
    store.append(&key, Version(0), vec![said("a")]).await.unwrap();
    run(&url, r#"UPDATE flue_entry SET content = '{"v":2,"dream":1}'"#).await;
    let error = store.load(&key).await.unwrap_err();
    assert_eq!((error.kind(), error.fact("number")), (ErrorKind::Unsupported, Some("0")));
    run(&url, "UPDATE flue_meta SET format = 2").await;
    let error = Postgres::open(&url).await.unwrap_err();
    assert_eq!((error.kind(), error.fact("stored_format")), (ErrorKind::Unsupported, Some("2")));
}

#[tokio::test]
async fn servers_that_let_nobody_in_are_told() {
    for bad in ["mysql://x", "postgres://user:hunter2@[::1", "port=none"] {
        let error = Postgres::open(bad).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(!format!("{error:#} {error:?}").contains("hunter2"), "{error:#}");
    }
    let nowhere = Postgres::open("host=/nonexistent user=flue password=hunter2 dbname=x").await.unwrap_err();
    assert_eq!(nowhere.kind(), ErrorKind::Unavailable);
    assert!(!format!("{nowhere:#} {nowhere:?}").contains("hunter2"), "{nowhere:#}");
    let missing = url().replace("dbname=postgres", "dbname=missing");
    assert_eq!(Postgres::open(&missing).await.unwrap_err().fact("sqlstate"), Some("3D000"));
    let database = database("readonly").await;
    run(&database, "ALTER DATABASE readonly SET default_transaction_read_only = on").await;
    assert_eq!(Postgres::open(&database).await.unwrap_err().kind(), ErrorKind::PermissionDenied);
}

#[tokio::test]
async fn many_can_make_the_tables_at_once() {
    let url = database("many").await;
    let opening: Vec<_> = (0..8)
        .map(|_| {
            let url = url.clone();
            tokio::spawn(async move { Postgres::open(&url).await })
        })
        .collect();
    for opened in opening {
        opened.await.unwrap().unwrap();
    }
}
