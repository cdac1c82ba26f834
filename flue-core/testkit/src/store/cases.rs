//! The cases.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use flue_core::store::{Entry, SessionKey, SessionStore, StoredSession, Version};
use flue_core::{ErrorKind, Result};
use futures_util::future::join_all;

use super::samples::{AWKWARD, said, samples};
use super::{Case, Subject};
use crate::report::{CaseResult, Stop, ensure, ensure_eq};

macro_rules! cases {
    ($($topic:literal: $($name:ident),+;)+) => {
        [$($(Case { name: concat!($topic, "::", stringify!($name)), body: |subject| Box::pin($name(subject)) }),+),+].to_vec()
    };
}

/// Every case, in the order in which the suite runs them.
pub(super) fn cases() -> Vec<Case> {
    cases! {
        "entries": a_session_that_is_not_there_is_empty, every_kind_is_kept, appends_add_at_the_end,
            an_append_of_nothing_makes_nothing, a_large_entry_is_kept, ten_thousand_entries_are_kept;
        "versions": a_stale_writer_conflicts, a_writer_that_is_ahead_conflicts, of_many_writers_one_wins,
            two_openings_see_each_other, a_dropped_append_added_all_or_nothing;
        "names": awkward_names_are_kept_apart, a_list_is_sorted_and_of_one_harness;
        "delete": a_deleted_session_is_gone, a_missing_session_can_be_deleted, a_deleted_session_can_begin_again;
        "durable": a_reopened_store_has_everything;
    }
}

fn texts(stored: &StoredSession) -> Result<Vec<String>> {
    stored.entries.iter().map(Entry::encode).collect()
}

/// Fails unless the session has these entries.
async fn holds(store: &Arc<dyn SessionStore>, key: &SessionKey, entries: &[Entry]) -> CaseResult {
    let stored = store.load(key).await?;
    ensure_eq!(stored.version, Version(entries.len() as u64), "the version is the number of entries");
    ensure_eq!(texts(&stored)?, texts(&StoredSession::new(entries.to_vec()))?, "the entries");
    Ok(())
}

fn conflicts(what: &str, result: Result<Version>) -> CaseResult {
    match result {
        Err(error) if error.kind() == ErrorKind::Conflict => Ok(()),
        other => Err(Stop::failed(format_args!("{what}: expected a conflict, got {other:?}"))),
    }
}

async fn a_session_that_is_not_there_is_empty(t: Subject) -> CaseResult {
    holds(&t.store, &t.key("none"), &[]).await?;
    ensure_eq!(t.names().await?, [""; 0], "loading makes nothing");
    Ok(())
}

async fn every_kind_is_kept(t: Subject) -> CaseResult {
    let key = t.key("s");
    let entries = samples();
    for (at, entry) in entries.iter().enumerate() {
        t.store.append(&key, Version(at as u64), vec![entry.clone()]).await?;
    }
    holds(&t.store, &key, &entries).await?;
    let together = t.key("together");
    t.store.append(&together, Version(0), entries.clone()).await?;
    holds(&t.store, &together, &entries).await
}

async fn appends_add_at_the_end(t: Subject) -> CaseResult {
    let key = t.key("s");
    let entries: Vec<Entry> = (0..7).map(|n| said(&n.to_string())).collect();
    ensure_eq!(t.store.append(&key, Version(0), entries[..1].to_vec()).await?, Version(1), "the new version");
    ensure_eq!(t.store.append(&key, Version(1), entries[1..4].to_vec()).await?, Version(4), "the new version");
    ensure_eq!(t.store.append(&key, Version(4), entries[4..].to_vec()).await?, Version(7), "the new version");
    holds(&t.store, &key, &entries).await
}

async fn an_append_of_nothing_makes_nothing(t: Subject) -> CaseResult {
    let key = t.key("s");
    ensure_eq!(t.store.append(&key, Version(0), Vec::new()).await?, Version(0), "the version");
    ensure_eq!(t.names().await?, [""; 0], "the sessions");
    t.store.append(&key, Version(0), vec![said("a")]).await?;
    ensure_eq!(t.store.append(&key, Version(1), Vec::new()).await?, Version(1), "the version");
    conflicts("nothing at a stale version", t.store.append(&key, Version(0), Vec::new()).await)
}

async fn a_large_entry_is_kept(t: Subject) -> CaseResult {
    let key = t.key("s");
    let entries = [said(&"é\0".repeat(1 << 20)), said("after")];
    t.store.append(&key, Version(0), entries[..1].to_vec()).await?;
    t.store.append(&key, Version(1), entries[1..].to_vec()).await?;
    holds(&t.store, &key, &entries).await
}

async fn ten_thousand_entries_are_kept(t: Subject) -> CaseResult {
    const ALL: usize = 10_000;
    const AT_ONCE: usize = 500;
    let key = t.key("s");
    let entries: Vec<Entry> = (0..ALL).map(|n| said(&format!("entry {n}"))).collect();
    for (number, some) in entries.chunks(AT_ONCE).enumerate() {
        t.store.append(&key, Version((number * AT_ONCE) as u64), some.to_vec()).await?;
    }
    holds(&t.store, &key, &entries).await?;
    t.store.append(&key, Version(ALL as u64), vec![said("one more")]).await?;
    Ok(())
}

async fn a_stale_writer_conflicts(t: Subject) -> CaseResult {
    let key = t.key("s");
    let entries = [said("a"), said("b")];
    t.store.append(&key, Version(0), entries.to_vec()).await?;
    for at in [0, 1] {
        conflicts("stale", t.store.append(&key, Version(at), vec![said("x"), said("y")]).await)?;
    }
    holds(&t.store, &key, &entries).await
}

async fn a_writer_that_is_ahead_conflicts(t: Subject) -> CaseResult {
    let key = t.key("s");
    conflicts("ahead of nothing", t.store.append(&key, Version(1), vec![said("x")]).await)?;
    ensure_eq!(t.names().await?, [""; 0], "the sessions");
    t.store.append(&key, Version(0), vec![said("a")]).await?;
    for at in [2, u64::MAX] {
        conflicts("ahead", t.store.append(&key, Version(at), vec![said("x")]).await)?;
    }
    holds(&t.store, &key, &[said("a")]).await
}

async fn of_many_writers_one_wins(t: Subject) -> CaseResult {
    const WRITERS: usize = 8;
    const ROUNDS: u64 = 10;
    let key = t.key("s");
    let stores = join_all((0..WRITERS).map(|_| t.reopen())).await.into_iter().collect::<Result<Vec<_>>>()?;
    let mut expected = Vec::new();
    for round in 0..ROUNDS {
        let writes = stores.iter().enumerate().map(|(writer, store)| {
            let (store, key) = (store.clone(), key.clone());
            let entries: Vec<Entry> = (0..2).map(|n| said(&format!("{round} {writer} {n}"))).collect();
            tokio::spawn(async move {
                let result = store.append(&key, Version(round * 2), entries.clone()).await;
                (result, entries)
            })
        });
        let mut won = 0;
        for written in join_all(writes).await {
            let Ok((result, entries)) = written else { return Err(Stop::failed("a writer panicked")) };
            match result {
                Ok(_) => {
                    won += 1;
                    expected.extend(entries);
                }
                lost => conflicts("a writer that came late", lost)?,
            }
        }
        ensure_eq!(won, 1, "writers that won in round {round}");
    }
    holds(&t.store, &key, &expected).await
}

async fn two_openings_see_each_other(t: Subject) -> CaseResult {
    let key = t.key("s");
    let other = t.reopen().await?;
    t.store.append(&key, Version(0), vec![said("one")]).await?;
    holds(&other, &key, &[said("one")]).await?;
    other.append(&key, Version(1), vec![said("two"), said("three")]).await?;
    conflicts("what the other wrote over", t.store.append(&key, Version(1), vec![said("x")]).await)?;
    t.store.append(&key, Version(3), vec![said("four")]).await?;
    holds(&other, &key, &[said("one"), said("two"), said("three"), said("four")]).await?;
    other.delete(&key).await?;
    conflicts("a session that is gone", t.store.append(&key, Version(4), vec![said("x")]).await)?;
    holds(&t.store, &key, &[]).await
}

async fn a_dropped_append_added_all_or_nothing(t: Subject) -> CaseResult {
    let key = t.key("s");
    let mut at = Version(0);
    for _ in 0..20 {
        let mut append = t.store.append(&key, at, vec![said("a"), said("b"), said("c")]);
        if let Poll::Ready(done) = poll_once(append.as_mut()) {
            done?;
        }
        drop(append);
        // It may still be under way; whoever goes on finds out by the version.
        let stored = t.store.load(&key).await?.version;
        match t.store.append(&key, stored, vec![said("d"), said("e"), said("f")]).await {
            Err(error) if error.kind() == ErrorKind::Conflict => {}
            done => drop(done?),
        }
        let stored = t.store.load(&key).await?;
        ensure!(stored.entries.len().is_multiple_of(3), "{} entries, of appends of three", stored.entries.len());
        ensure_eq!(stored.version.0, stored.entries.len() as u64, "the version");
        at = stored.version;
    }
    Ok(())
}

fn poll_once<F: Future + ?Sized>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Names that a file system, a shell or SQL could take for something else, or for each other.
fn awkward_names() -> Vec<String> {
    let names = [
        "a",
        "A",
        "a ",
        "a.",
        "a/b",
        "a%2Fb",
        "a\\b",
        ".",
        "..",
        "../a",
        "-",
        "--",
        "~",
        "$HOME",
        "a'b",
        "a\"b",
        "a;b",
        "%",
        "_",
        "%25",
        "a*",
        "é",
        "e\u{301}",
        "日本",
        "🦀",
        "con",
        "nul",
        "CON.jsonl",
        "task:a:1",
        "task:task:a:1:2",
        "a.jsonl",
        "a~1",
    ];
    let long = ["l", "m"].map(|last| "long".repeat(63) + last);
    let wide = ["1", "2"].map(|last| "é".repeat(120) + last);
    names.into_iter().map(String::from).chain(long).chain(wide).collect()
}

async fn awkward_names_are_kept_apart(t: Subject) -> CaseResult {
    let mut names = awkward_names();
    for name in &names {
        t.store.append(&t.key(name), Version(0), vec![said(name)]).await?;
    }
    for name in &names {
        holds(&t.store, &t.key(name), &[said(name)]).await?;
    }
    names.sort();
    ensure_eq!(t.names().await?, names, "the sessions");
    for harness in ["", AWKWARD.trim_start_matches("NUL \0")] {
        let key = SessionKey::new(format!("{} {harness}", t.harness), "s");
        t.store.append(&key, Version(0), vec![said("x")]).await?;
        ensure_eq!(t.store.list(&key.harness).await?, std::slice::from_ref(&key), "the sessions of another harness");
        t.store.delete(&key).await?;
    }
    Ok(())
}

async fn a_list_is_sorted_and_of_one_harness(t: Subject) -> CaseResult {
    let other = SessionKey::new(format!("{}2", t.harness), "of the other");
    t.store.append(&other, Version(0), vec![said("x")]).await?;
    for name in ["b", "a", "c"] {
        t.store.append(&t.key(name), Version(0), vec![said("x")]).await?;
    }
    ensure_eq!(t.names().await?, ["a", "b", "c"], "the sessions");
    t.store.delete(&t.key("b")).await?;
    ensure_eq!(t.names().await?, ["a", "c"], "the sessions after one went");
    ensure_eq!(t.store.list(&other.harness).await?, std::slice::from_ref(&other), "those of the other");
    t.store.delete(&other).await?;
    ensure_eq!(t.store.list(&other.harness).await?, [], "those of the other");
    Ok(())
}

async fn a_deleted_session_is_gone(t: Subject) -> CaseResult {
    for name in ["a", "b"] {
        t.store.append(&t.key(name), Version(0), samples()).await?;
    }
    t.store.delete(&t.key("a")).await?;
    holds(&t.store, &t.key("a"), &[]).await?;
    holds(&t.store, &t.key("b"), &samples()).await?;
    conflicts("a writer that does not know", t.store.append(&t.key("a"), Version(7), vec![said("x")]).await)
}

async fn a_missing_session_can_be_deleted(t: Subject) -> CaseResult {
    t.store.delete(&t.key("none")).await?;
    t.store.append(&t.key("a"), Version(0), vec![said("x")]).await?;
    t.store.delete(&t.key("a")).await?;
    t.store.delete(&t.key("a")).await?;
    Ok(())
}

async fn a_deleted_session_can_begin_again(t: Subject) -> CaseResult {
    let key = t.key("s");
    t.store.append(&key, Version(0), vec![said("old"), said("old")]).await?;
    t.store.delete(&key).await?;
    t.store.append(&key, Version(0), vec![said("new")]).await?;
    holds(&t.store, &key, &[said("new")]).await
}

async fn a_reopened_store_has_everything(mut t: Subject) -> CaseResult {
    let key = t.key("s");
    let mut expected = Vec::new();
    for n in 0..3_u64 {
        let entries = [said(&format!("{n} a")), said(&format!("{n} b"))];
        t.store.append(&key, Version(n * 2), entries.to_vec()).await?;
        expected.extend(entries);
        t.store = t.reopen().await?;
        holds(&t.store, &key, &expected).await?;
        ensure_eq!(t.names().await?, ["s"], "the sessions");
    }
    Ok(())
}
