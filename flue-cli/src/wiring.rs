//! The composition root: the one place that knows which sandboxes and providers are built in.

mod model;
mod sandbox;

pub(crate) use self::model::{model, providers};
pub(crate) use self::sandbox::{BUILT_IN, Place, sandbox};
