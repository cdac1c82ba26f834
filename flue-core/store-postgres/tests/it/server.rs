//! A PostgreSQL server of the tests' own.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, LazyLock};

use flue_core::Result;
use flue_core::store::SessionStore;
use flue_core_store_postgres::Postgres;
use tokio_postgres::NoTls;

/// It ends when its standard input does, which is when this process ends, however it does.
struct Server {
    _process: Child,
    url: String,
}

static SERVER: LazyLock<Server> = LazyLock::new(|| {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/server.sh");
    let mut process = Command::new("sh").arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut url = String::new();
    BufReader::new(process.stdout.take().unwrap()).read_line(&mut url).unwrap();
    assert!(url.starts_with("host="), "the server does not run; is the package postgresql installed?");
    Server { _process: process, url: url.trim().to_owned() }
});

/// Names the server to processes that share it.
pub(crate) const URL: &str = "FLUE_TEST_POSTGRES";

/// The server of this process, or of the one that started it.
pub(crate) fn url() -> String {
    std::env::var(URL).unwrap_or_else(|_| SERVER.url.clone())
}

/// A database of its own.
pub(crate) async fn database(name: &str) -> String {
    let (client, connection) = tokio_postgres::connect(&url(), NoTls).await.unwrap();
    tokio::spawn(connection);
    client.batch_execute(&format!("CREATE DATABASE {name}")).await.unwrap();
    url().replace("dbname=postgres", &format!("dbname={name}"))
}

pub(crate) async fn open() -> Result<Arc<dyn SessionStore>> {
    Ok(Arc::new(Postgres::open(&url()).await?))
}

/// Runs a statement past the store.
pub(crate) async fn run(url: &str, sql: &str) {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client.batch_execute(sql).await.unwrap();
}
