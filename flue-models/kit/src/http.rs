//! A codec over HTTP: the one place of the model layer that has a socket.

mod access;
mod client;
mod endpoint;
mod model;
mod reply;
mod roots;
mod token;

pub use self::access::Access;
pub use self::client::{CONNECT_TIMEOUT, Http, HttpOptions, IDLE_TIMEOUT};
pub use self::endpoint::{Auth, Endpoint, Signer, Unsigned, path_segment};
pub use self::model::{HttpModel, MAX_ERROR_BODY_BYTES};
pub use self::token::TOKEN_TIMEOUT;
