//! The Messages protocol as a codec.

use flue_core::model::{ModelInfo, ModelRequest};
use flue_core::{Error, Result};
use flue_models_kit::claude::ThinkingStyle;
use flue_models_kit::{Codec, CountRequest, Decoder, HttpReply, Target, WireRequest, reply_error};

use crate::catalog::{self, ModelOptions};
use crate::decode::MessagesDecoder;
use crate::encode;

/// The name of the protocol in [`Origin::api`](flue_core::model::Origin::api).
const API: &str = "anthropic-messages";

/// One model over the Messages protocol, without a connection.
#[derive(Debug, Clone)]
pub struct Messages {
    pub(crate) info: ModelInfo,
    pub(crate) thinking: ThinkingStyle,
    pub(crate) target: Target,
    pub(crate) betas: Vec<String>,
}

impl Messages {
    /// The protocol for `model`, whose provider goes by the name `provider`.
    pub fn new(provider: &str, model: &str, options: &ModelOptions) -> Self {
        let (info, thinking) = catalog::lookup(provider, API, model, options);
        let target = Target::new(&info, &());
        Self { info, thinking, target, betas: Vec::new() }
    }

    /// Asks for a feature in its trial phase: a name for the `anthropic-beta` header.
    #[must_use]
    pub fn beta(mut self, name: impl Into<String>) -> Self {
        self.betas.push(name.into());
        self
    }
}

impl Codec for Messages {
    fn info(&self) -> &ModelInfo {
        &self.info
    }

    fn encode(&self, request: &ModelRequest) -> Result<WireRequest> {
        Ok(encode::request(self, request))
    }

    fn encode_count(&self, request: &ModelRequest) -> Result<Option<CountRequest>> {
        Ok(Some(CountRequest { wire: encode::count(self, request), field: "input_tokens" }))
    }

    fn decoder(&self) -> Box<dyn Decoder> {
        Box::new(MessagesDecoder::new(&self.info))
    }

    fn failure(&self, reply: &HttpReply<'_>) -> Error {
        reply_error(reply)
    }
}
