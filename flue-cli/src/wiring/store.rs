//! Stores of sessions, by name.

use std::path::Path;
use std::sync::Arc;

use flue_core::store::{MemoryStore, SessionStore};
use flue_core::{Error, ErrorKind, Result};

use crate::store::StoreUrl;

/// The stores of this build.
const BUILT_IN: &[&str] = &[
    #[cfg(feature = "jsonl")]
    "jsonl",
    #[cfg(feature = "sqlite")]
    "sqlite",
    #[cfg(feature = "postgres")]
    "postgres",
    "memory",
];

/// Opens a store. What it makes on this machine is readable by its user alone.
///
/// # Errors
/// [`ErrorKind::Unsupported`] for one that is not built in; those of opening it.
pub(crate) async fn store(url: &StoreUrl) -> Result<Arc<dyn SessionStore>> {
    match url {
        StoreUrl::Memory => Ok(Arc::new(MemoryStore::new())),
        #[cfg(feature = "jsonl")]
        StoreUrl::Jsonl(dir) => {
            crate::store::private_dir(dir)?;
            Ok(Arc::new(flue_core_store_jsonl::JsonLines::open(dir).await?))
        }
        #[cfg(feature = "sqlite")]
        StoreUrl::Sqlite(file) => {
            crate::store::private_file(file)?;
            Ok(Arc::new(flue_core_store_sqlite::Sqlite::open(file).await?))
        }
        #[cfg(feature = "postgres")]
        StoreUrl::Postgres(address) => Ok(Arc::new(flue_core_store_postgres::Postgres::open(address).await?)),
        #[cfg(not(all(feature = "jsonl", feature = "sqlite", feature = "postgres")))]
        _ => Err(Error::unsupported("open session store", "this kind of store is not built in")
            .with("built_in", BUILT_IN.join(", "))),
    }
}

/// The store that is used when nobody names one, in the directory `state`.
///
/// # Errors
/// [`ErrorKind::Config`] when no store that lasts is built in.
pub(crate) fn default_store(state: &Path) -> Result<StoreUrl> {
    if BUILT_IN.contains(&"jsonl") {
        return Ok(StoreUrl::Jsonl(state.join("sessions")));
    }
    if BUILT_IN.contains(&"sqlite") {
        return Ok(StoreUrl::Sqlite(state.join("sessions.db")));
    }
    let why = "no store of this machine is built in; name one: --store URL";
    Err(Error::new(ErrorKind::Config, "open session store", why).with("built_in", BUILT_IN.join(", ")))
}
