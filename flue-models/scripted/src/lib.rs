#![doc = include_str!("../README.md")]

mod echo;
mod model;
mod play;
mod reviewer;
mod turn;

use std::sync::Arc;

use flue_core::model::Model;
use flue_core::{Error, ErrorKind, Result};

pub use self::model::{MAX_RECORDED, Scripted};
pub use self::turn::{ScriptedCall, ScriptedError, ScriptedTurn};

/// The name of this provider: `scripted/reviewer`.
pub const PROVIDER: &str = "scripted";

/// The models that come ready: name, and what it does.
pub const MODELS: &[(&str, &str)] =
    &[("reviewer", "reviews a document with the tools it is offered"), ("echo", "repeats what the user said")];

/// Opens a model that comes ready.
///
/// # Errors
/// [`ErrorKind::Config`] for another name.
pub fn open(name: &str) -> Result<Arc<dyn Model>> {
    let scripted = match name {
        "reviewer" => Scripted::new("reviewer", reviewer::turn),
        "echo" => Scripted::new("echo", echo::turn),
        _ => {
            let known: Vec<&str> = MODELS.iter().map(|(name, _)| *name).collect();
            return Err(Error::new(
                ErrorKind::Config,
                "open model",
                format!("there is no scripted model of that name; there are: {}", known.join(", ")),
            )
            .with("model", name));
        }
    };
    Ok(Arc::new(scripted))
}
