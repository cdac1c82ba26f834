//! The database: its format, and the four things that are done with it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use flue_core::store::{Entry, SessionKey, StoredSession, Version, conflict, newer_format};
use flue_core::{Error, ErrorKind, Result};
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior, params};

use crate::errors::failed;

/// Says that a database is Flue's: the letters `Flue`.
const APPLICATION_ID: i32 = i32::from_be_bytes(*b"Flue");
/// The format of the databases that this version makes, and the newest that it reads.
const FORMAT: u32 = 1;
/// How long another process may keep the database to itself.
const BUSY_LIMIT: Duration = Duration::from_secs(10);

const SCHEMA: &str = "CREATE TABLE entry (
    harness TEXT NOT NULL,
    session TEXT NOT NULL,
    number INTEGER NOT NULL,
    content TEXT NOT NULL,
    PRIMARY KEY (harness, session, number)
) STRICT, WITHOUT ROWID";

const OPEN: &str = "open session store";
const LOAD: &str = "load session";
const APPEND: &str = "append to session";
const LIST: &str = "list sessions";
const DELETE: &str = "delete session";

/// An open database.
pub(crate) struct Database {
    connection: Connection,
    path: PathBuf,
}

impl Database {
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let failed = |error| failed(OPEN, path, error);
        if let Some(dir) = path.parent().filter(|dir| !dir.as_os_str().is_empty()) {
            // What is wrong with the directory is told when the file cannot be opened.
            let _ = std::fs::create_dir_all(dir);
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(path, flags).map_err(failed)?;
        connection.busy_timeout(BUSY_LIMIT).map_err(failed)?;
        // Before anything is written to it. In a transaction, so that what another process is just making is seen whole or
        // not at all.
        let look = Transaction::new(&mut connection, TransactionBehavior::Deferred).map_err(failed)?;
        let is_new = is_new(&look, path)?;
        drop(look);
        if is_new {
            connection.pragma_update(None, "journal_mode", "WAL").map_err(failed)?;
            create(&mut connection, path)?;
        }
        connection.pragma_update(None, "synchronous", "FULL").map_err(failed)?;
        Ok(Self { connection, path: path.to_owned() })
    }

    pub(crate) fn load(&mut self, key: &SessionKey) -> Result<StoredSession> {
        let path = &self.path;
        let failed = |error| failed(LOAD, path, error);
        let sql = "SELECT number, content FROM entry WHERE harness = ?1 AND session = ?2 ORDER BY number";
        let mut query = self.connection.prepare_cached(sql).map_err(failed)?;
        let mut rows = query.query(params![&*key.harness, &*key.session]).map_err(failed)?;
        let mut entries = Vec::new();
        while let Some(row) = rows.next().map_err(failed)? {
            let number: i64 = row.get(0).map_err(failed)?;
            let content = row.get_ref(1).map_err(failed)?;
            let at = |error: Error| error.with("path", path.display()).with("session", key).with("number", number);
            let damaged =
                |why: &str| at(Error::new(ErrorKind::Protocol, LOAD, format!("the session is damaged: {why}")));
            if usize::try_from(number) != Ok(entries.len()) {
                return Err(damaged("an entry is missing"));
            }
            let text = content.as_str().map_err(|_| damaged("an entry is not text"))?;
            entries.push(Entry::decode(text).map_err(at)?);
        }
        Ok(StoredSession::new(entries))
    }

    pub(crate) fn append(&mut self, key: &SessionKey, at: Version, entries: &[Entry]) -> Result<Version> {
        let path = &self.path;
        let failed = |error| failed(APPEND, path, error);
        // Encoded before anybody else has to wait.
        let contents = entries.iter().map(Entry::encode).collect::<Result<Vec<_>>>()?;
        let behavior = TransactionBehavior::Immediate;
        let transaction = Transaction::new(&mut self.connection, behavior).map_err(failed)?;
        let stored = version(&transaction, key).map_err(failed)?;
        if stored != at {
            return Err(conflict(key, at, stored));
        }
        {
            let sql = "INSERT INTO entry (harness, session, number, content) VALUES (?1, ?2, ?3, ?4)";
            let mut insert = transaction.prepare_cached(sql).map_err(failed)?;
            for (number, content) in (at.0..).zip(&contents) {
                let number = i64::try_from(number).unwrap_or(i64::MAX);
                insert.execute(params![&*key.harness, &*key.session, number, content]).map_err(failed)?;
            }
        }
        transaction.commit().map_err(failed)?;
        Ok(Version(at.0 + contents.len() as u64))
    }

    pub(crate) fn list(&mut self, harness: &str) -> Result<Vec<SessionKey>> {
        let failed = |error| failed(LIST, &self.path, error);
        let sql = "SELECT session FROM entry WHERE harness = ?1 AND number = 0";
        let mut query = self.connection.prepare_cached(sql).map_err(failed)?;
        let names = query.query_map(params![harness], |row| row.get::<_, String>(0)).map_err(failed)?;
        let keys = names.map(|name| name.map(|name| SessionKey::new(harness, name)));
        let mut keys = keys.collect::<rusqlite::Result<Vec<_>>>().map_err(failed)?;
        keys.sort();
        Ok(keys)
    }

    pub(crate) fn delete(&mut self, key: &SessionKey) -> Result<()> {
        let failed = |error| failed(DELETE, &self.path, error);
        let sql = "DELETE FROM entry WHERE harness = ?1 AND session = ?2";
        let mut delete = self.connection.prepare_cached(sql).map_err(failed)?;
        delete.execute(params![&*key.harness, &*key.session]).map_err(failed)?;
        Ok(())
    }
}

/// How many entries a session has.
fn version(connection: &Connection, key: &SessionKey) -> rusqlite::Result<Version> {
    let sql = "SELECT max(number) FROM entry WHERE harness = ?1 AND session = ?2";
    let mut query = connection.prepare_cached(sql)?;
    let last: Option<i64> = query.query_row(params![&*key.harness, &*key.session], |row| row.get(0))?;
    Ok(Version(last.and_then(|last| u64::try_from(last).ok()).map_or(0, |last| last + 1)))
}

/// Whether a database has nothing in it; an error when it is not one that this version takes.
fn is_new(connection: &Connection, path: &Path) -> Result<bool> {
    let failed = |error| failed(OPEN, path, error);
    let number = |pragma| connection.pragma_query_value(None, pragma, |row| row.get::<_, i32>(0));
    let (application, format) = (number("application_id").map_err(failed)?, number("user_version").map_err(failed)?);
    let sql = "SELECT count(*) FROM sqlite_schema";
    let tables: i64 = connection.query_row(sql, [], |row| row.get(0)).map_err(failed)?;
    if application == 0 && format == 0 && tables == 0 {
        return Ok(true);
    }
    if application != APPLICATION_ID {
        let why = "this database is not one of Flue's; name another file. It was left as it is";
        return Err(Error::new(ErrorKind::Config, OPEN, why).with("path", path.display()));
    }
    match u32::try_from(format) {
        Ok(FORMAT) => Ok(false),
        Ok(newer) if newer > FORMAT => Err(newer_format(OPEN, newer, FORMAT).with("path", path.display())),
        _ => {
            let why = "the database is damaged: there is no such format";
            Err(Error::new(ErrorKind::Protocol, OPEN, why).with("path", path.display()).with("stored_format", format))
        }
    }
}

/// Makes the tables, unless another process was faster.
fn create(connection: &mut Connection, path: &Path) -> Result<()> {
    let failed = |error| failed(OPEN, path, error);
    let transaction = Transaction::new(connection, TransactionBehavior::Immediate).map_err(failed)?;
    if is_new(&transaction, path)? {
        transaction.execute(SCHEMA, []).map_err(failed)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID).map_err(failed)?;
        transaction.pragma_update(None, "user_version", FORMAT).map_err(failed)?;
    }
    transaction.commit().map_err(failed)
}
