//! The composition root: the one place that knows which sandboxes, providers and stores are built in.

mod model;
#[cfg(feature = "remote")]
mod remote;
mod sandbox;
mod store;

pub(crate) use self::model::{model, providers};
#[cfg(feature = "remote")]
pub(crate) use self::remote::{provider, providers_alone};
pub(crate) use self::sandbox::{BUILT_IN, Place, ladder, sandbox};
pub(crate) use self::store::{default_store, store};
