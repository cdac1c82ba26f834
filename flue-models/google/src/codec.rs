//! The Gemini protocol as a codec.

use flue_core::model::{ModelInfo, ModelRequest};
use flue_core::{Error, Result};
use flue_models_kit::{Codec, CountRequest, Decoder, HttpReply, Target, WireRequest, reply_error};

use crate::catalog::{self, ModelOptions, ThinkingStyle};
use crate::decode::GeminiDecoder;
use crate::encode;

/// The name of the protocol in [`Origin::api`](flue_core::model::Origin::api).
const API: &str = "google-gemini";

/// One model over the Gemini protocol, without a connection.
#[derive(Debug, Clone)]
pub struct Gemini {
    pub(crate) info: ModelInfo,
    pub(crate) thinking: ThinkingStyle,
    pub(crate) target: Target,
    /// Whether calls have ids, results hold images, and calls without a signature need a mark: Gemini 3 and later.
    pub(crate) third: bool,
}

impl Gemini {
    /// The protocol for `model`, whose provider goes by the name `provider`.
    pub fn new(provider: &str, model: &str, options: &ModelOptions) -> Self {
        let (info, thinking) = catalog::lookup(provider, API, model, options);
        let third = catalog::is_third(model);
        let target = Target::new(&info, &third);
        Self { info, thinking, target, third }
    }
}

impl Codec for Gemini {
    fn info(&self) -> &ModelInfo {
        &self.info
    }

    fn encode(&self, request: &ModelRequest) -> Result<WireRequest> {
        Ok(encode::request(self, request))
    }

    fn encode_count(&self, request: &ModelRequest) -> Result<Option<CountRequest>> {
        Ok(Some(CountRequest { wire: encode::count(self, request), field: "totalTokens" }))
    }

    fn decoder(&self) -> Box<dyn Decoder> {
        Box::new(GeminiDecoder::new(&self.info))
    }

    fn failure(&self, reply: &HttpReply<'_>) -> Error {
        reply_error(reply)
    }
}
