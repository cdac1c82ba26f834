//! The composition root: the one place that knows which sandboxes, providers and stores are built in.

mod model;
mod sandbox;
mod store;

pub(crate) use self::model::{model, providers};
pub(crate) use self::sandbox::{BUILT_IN, Place, ladder, sandbox};
pub(crate) use self::store::{default_store, store};
