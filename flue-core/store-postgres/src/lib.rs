#![doc = include_str!("../README.md")]

mod database;
mod errors;
mod queue;
mod worker;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use flue_core::store::{Entry, SessionKey, SessionStore, StoredSession, Version, conflict};
use flue_core::{Error, ErrorKind, Result};
use tokio_postgres::Config;

use self::database::Database;
pub use self::queue::{Outcome, PromptId, Queue, Status, Submission};
pub use self::worker::Worker;

const OPEN: &str = "open session store";
const LOAD: &str = "load session";
const APPEND: &str = "append to session";
const LIST: &str = "list sessions";
const DELETE: &str = "delete session";

/// Keeps sessions in a PostgreSQL database. Cheap to clone; clones share one connection.
#[derive(Clone)]
pub struct Postgres(Arc<Database>);

impl Postgres {
    /// Opens the store in the database that `url` names, as libpq has it: `postgres://user:password@host/database`, or
    /// `host=/run/postgresql dbname=flue`. The tables, whose names begin with `flue_`, are made when they are missing.
    ///
    /// The connection is not encrypted: keep it on one machine, or in a network that is.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for a malformed URL; [`ErrorKind::Unavailable`] or [`ErrorKind::Authentication`] when the database
    /// does not let us in; [`ErrorKind::Unsupported`] for tables that a newer version made.
    pub async fn open(url: &str) -> Result<Self> {
        // Not the error's text: it may repeat a password.
        let config: Config = url.parse().map_err(|_| {
            Error::new(
                ErrorKind::Config,
                OPEN,
                "this is no URL of a PostgreSQL database, such as postgres://user@host/database",
            )
        })?;
        let store = Self(Arc::new(Database::new(config)));
        store.0.prepare(OPEN).await?;
        Ok(store)
    }
}

impl fmt::Debug for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Postgres")
    }
}

#[async_trait]
impl SessionStore for Postgres {
    async fn load(&self, key: &SessionKey) -> Result<StoredSession> {
        let sql = "SELECT number, content FROM flue_entry WHERE harness = $1 AND session = $2 ORDER BY number";
        let rows = self.0.query(LOAD, sql, &[&&*key.harness, &&*key.session]).await?;
        let mut entries = Vec::with_capacity(rows.len());
        for row in rows {
            let number: i64 = row.try_get(0).map_err(|error| errors::failed(LOAD, error))?;
            let content: &str = row.try_get(1).map_err(|error| errors::failed(LOAD, error))?;
            let at = |error: Error| error.with("session", key).with("number", number);
            if usize::try_from(number) != Ok(entries.len()) {
                return Err(at(Error::new(ErrorKind::Protocol, LOAD, "the session is damaged: an entry is missing")));
            }
            entries.push(Entry::decode(content).map_err(at)?);
        }
        Ok(StoredSession::new(entries))
    }

    async fn append(&self, key: &SessionKey, at: Version, entries: Vec<Entry>) -> Result<Version> {
        let contents = entries.iter().map(Entry::encode).collect::<Result<Vec<_>>>()?;
        let (harness, session): (&str, &str) = (&key.harness, &key.session);
        let stored = |rows: Vec<tokio_postgres::Row>| match rows.first() {
            Some(row) => row.try_get::<_, i64>(0).map_err(|error| errors::failed(APPEND, error)).map(Some),
            None => Ok(None),
        };
        let version = |stored: i64| Version(u64::try_from(stored).unwrap_or_default());
        if !contents.is_empty() {
            // Whoever has the row of the session writes; the entries follow in the same statement.
            let begun = if at == Version(0) {
                "INSERT INTO flue_session VALUES ($1, $2, cardinality($4::text[])) ON CONFLICT DO NOTHING"
            } else {
                "UPDATE flue_session SET version = version + cardinality($4::text[]) \
                 WHERE harness = $1 AND session = $2 AND version = $3"
            };
            let sql = format!(
                "WITH begun AS ({begun} RETURNING version), \
                 added AS (INSERT INTO flue_entry SELECT $1::text, $2::text, $3::bigint + place - 1, content \
                     FROM begun, unnest($4::text[]) WITH ORDINALITY AS new (content, place)) \
                 SELECT version FROM begun"
            );
            // A version that no session can have conflicts like any other.
            let from = i64::try_from(at.0).unwrap_or(i64::MAX);
            let rows = self.0.query(APPEND, &sql, &[&harness, &session, &from, &contents]).await?;
            if let Some(now) = stored(rows)? {
                return Ok(version(now));
            }
        }
        let sql = "SELECT version FROM flue_session WHERE harness = $1 AND session = $2";
        let now = version(stored(self.0.query(APPEND, sql, &[&harness, &session]).await?)?.unwrap_or_default());
        if contents.is_empty() && now == at { Ok(at) } else { Err(conflict(key, at, now)) }
    }

    async fn list(&self, harness: &str) -> Result<Vec<SessionKey>> {
        let sql = "SELECT session FROM flue_session WHERE harness = $1 ORDER BY session";
        let rows = self.0.query(LIST, sql, &[&harness]).await?;
        let name = |row: &tokio_postgres::Row| row.try_get::<_, &str>(0).map(|name| SessionKey::new(harness, name));
        rows.iter().map(name).collect::<Result<_, _>>().map_err(|error| errors::failed(LIST, error))
    }

    async fn delete(&self, key: &SessionKey) -> Result<()> {
        let sql = "DELETE FROM flue_session WHERE harness = $1 AND session = $2";
        self.0.query(DELETE, sql, &[&&*key.harness, &&*key.session]).await?;
        Ok(())
    }
}
