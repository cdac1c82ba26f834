//! Where conversations are kept: what the command line says of it, and a session that is in use.

mod hold;
mod home;
mod kept;
mod redact;
mod url;

use std::sync::Arc;

use clap::Args;
use flue_core::store::{Archive, SessionStore};
use flue_core::{Error, ErrorKind, Result};

pub(crate) use self::hold::Hold;
#[cfg(feature = "jsonl")]
pub(crate) use self::home::private_dir;
#[cfg(any(feature = "sqlite", feature = "editor"))]
pub(crate) use self::home::private_file;
pub(crate) use self::home::state_dir;
pub(crate) use self::kept::{Kept, spoken};
pub(crate) use self::url::StoreUrl;
use crate::wiring;

/// The id under which `flue` keeps all its sessions, whichever agent speaks in them.
pub(crate) const HARNESS: &str = "flue";
/// Says where sessions are kept when the command line does not.
const STORE_VARIABLE: &str = "FLUE_STORE";

/// Where sessions are kept.
#[derive(Debug, Default, Args)]
pub(crate) struct StoreArgs {
    /// Where sessions are kept: jsonl:DIR, sqlite:FILE,
    /// postgres://...; else what FLUE_STORE says, else
    /// files of yours below ~/.local/state/flue
    #[arg(long, value_name = "URL", value_parser = str::parse::<StoreUrl>, global = true, verbatim_doc_comment)]
    pub(crate) store: Option<StoreUrl>,
}

/// Which session is spoken in, and where it is kept.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Session")]
pub(crate) struct SessionArgs {
    /// Keep the conversation under a name, and go on with
    /// it; it keeps no files of a virtual sandbox
    #[arg(long, value_name = "NAME", verbatim_doc_comment)]
    pub(crate) session: Option<String>,
    #[command(flatten)]
    pub(crate) place: StoreArgs,
}

impl StoreArgs {
    /// Where: as the command line says, or the environment, or the default.
    ///
    /// # Errors
    /// Those of [`StoreUrl`] and of [`state_dir`].
    pub(crate) fn url(&self) -> Result<StoreUrl> {
        if let Some(url) = &self.store {
            return Ok(url.clone());
        }
        match std::env::var(STORE_VARIABLE) {
            Ok(text) if !text.trim().is_empty() => text.trim().parse().map_err(|why: String| {
                Error::new(ErrorKind::Config, "open session store", why).with("variable", STORE_VARIABLE)
            }),
            _ => wiring::default_store(&state_dir()?),
        }
    }
}

/// A store that is open.
pub(crate) struct Opened {
    url: StoreUrl,
    store: Arc<dyn SessionStore>,
}

impl Opened {
    /// Opens the store that is meant.
    ///
    /// # Errors
    /// Those of [`StoreArgs::url`] and of the store.
    pub(crate) async fn open(args: &StoreArgs) -> Result<Self> {
        let url = args.url()?;
        let store = wiring::store(&url).await.map_err(|error| error.with("store", &url))?;
        Ok(Self { url, store })
    }

    /// The sessions there.
    pub(crate) fn archive(&self) -> Archive {
        Archive::new(self.store.clone(), HARNESS)
    }

    /// Keeps everybody else on this machine out of a session.
    ///
    /// # Errors
    /// [`ErrorKind::SessionBusy`] while another process uses it.
    pub(crate) fn hold(&self, session: &str) -> Result<Option<Hold>> {
        self.url.locks()?.map(|dir| Hold::take(&dir, &self.url.to_string(), session)).transpose()
    }
}
