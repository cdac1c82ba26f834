//! The composition root: the one place that knows which sandboxes, providers and stores are built in.

mod model;
#[cfg(any(feature = "docker", feature = "ssh"))]
mod remote;
mod sandbox;
mod store;

pub(crate) use self::model::{model, providers};
#[cfg(any(feature = "docker", feature = "ssh"))]
pub(crate) use self::remote::provider;
pub(crate) use self::sandbox::{BUILT_IN, Place, ladder, sandbox};
pub(crate) use self::store::{default_store, store};
