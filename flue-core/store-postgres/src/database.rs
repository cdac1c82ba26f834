//! The tables, and the statements upon them. Each is one statement, so that it happens whole or not at all.

use std::sync::Arc;
use std::time::Duration;

use flue_core::store::newer_format;
use flue_core::{Error, ErrorKind, Result};
use tokio::sync::Mutex;
use tokio::time::timeout;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Config, NoTls, Row};

use crate::errors::failed;

/// The format of the tables that this version makes, and the newest that it works with.
const FORMAT: i32 = 1;
/// How long one statement may take, connecting included.
const STATEMENT_LIMIT: Duration = Duration::from_secs(30);
/// Names the lock under which tables are made: the letters `Flue`.
const SCHEMA_LOCK: i64 = 0x466c_7565;

const SCHEMA: &str = include_str!("schema.sql");

/// A connection that is made when it is needed, and again when it was lost.
pub(crate) struct Database {
    config: Config,
    client: Mutex<Option<Arc<Client>>>,
}

impl Database {
    pub(crate) fn new(config: Config) -> Self {
        Self { config, client: Mutex::new(None) }
    }

    /// Makes the tables, unless they are there.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] for those of a newer version.
    pub(crate) async fn prepare(&self, operation: &'static str) -> Result<()> {
        let client = self.client(operation).await?;
        let script = format!("BEGIN; SELECT pg_advisory_xact_lock({SCHEMA_LOCK}); {SCHEMA} COMMIT;");
        let made = bounded(operation, async {
            if let Err(error) = client.batch_execute(&script).await {
                // Only what began a transaction has one to end.
                let _ = client.batch_execute("ROLLBACK").await;
                return Err(error);
            }
            client.query_one("SELECT format FROM flue_meta", &[]).await
        });
        let format: i32 = made.await?.try_get(0).map_err(|error| failed(operation, error))?;
        match u64::try_from(format) {
            Ok(newer) if format > FORMAT => Err(newer_format(operation, newer, FORMAT.unsigned_abs())),
            _ if format == FORMAT => Ok(()),
            _ => Err(Error::new(ErrorKind::Protocol, operation, "the tables are damaged: there is no such format")),
        }
    }

    /// The connection.
    async fn client(&self, operation: &'static str) -> Result<Arc<Client>> {
        let mut held = self.client.lock().await;
        if let Some(client) = held.as_ref().filter(|client| !client.is_closed()) {
            return Ok(client.clone());
        }
        let (client, connection) = bounded(operation, self.config.connect(NoTls)).await?;
        // Ends when the client is dropped, or the connection is lost.
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::warn!(%error, "the connection to the database was lost");
            }
        });
        let client = Arc::new(client);
        *held = Some(client.clone());
        Ok(client)
    }

    /// Runs a statement and gives its rows.
    pub(crate) async fn query(
        &self,
        operation: &'static str,
        sql: &str,
        params: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>> {
        let client = self.client(operation).await?;
        let rows = bounded(operation, client.query(sql, params)).await;
        if rows.as_ref().is_err_and(|error| error.kind() == ErrorKind::Unavailable) {
            // It may not know yet that it is closed; whoever comes next begins with a new one.
            self.client.lock().await.take_if(|held| Arc::ptr_eq(held, &client));
        }
        rows
    }
}

async fn bounded<T>(
    operation: &'static str,
    work: impl Future<Output = Result<T, tokio_postgres::Error>>,
) -> Result<T> {
    match timeout(STATEMENT_LIMIT, work).await {
        Ok(done) => done.map_err(|error| failed(operation, error)),
        Err(_) => Err(Error::new(ErrorKind::Unavailable, operation, "the database does not answer")
            .with("seconds", STATEMENT_LIMIT.as_secs())
            .with_retry(flue_core::Retry::Backoff)),
    }
}
