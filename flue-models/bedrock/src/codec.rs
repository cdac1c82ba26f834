//! The Converse protocol as a codec.

use flue_core::model::{ModelInfo, ModelRequest};
use flue_core::{Error, Result};
use flue_models_kit::{Codec, CountRequest, Decoder, HttpReply, Target, WireRequest, reply_error};

use crate::catalog::{self, Family, ModelOptions};
use crate::decode::ConverseDecoder;
use crate::encode;

/// The name of the protocol in [`Origin::api`](flue_core::model::Origin::api).
const API: &str = "bedrock-converse";

/// One model over the Converse protocol, without a connection.
#[derive(Debug, Clone)]
pub struct Converse {
    pub(crate) info: ModelInfo,
    pub(crate) family: Family,
    pub(crate) target: Target,
}

impl Converse {
    /// The protocol for `model`, whose provider goes by the name `provider`.
    pub fn new(provider: &str, model: &str, options: &ModelOptions) -> Self {
        let (info, family) = catalog::lookup(provider, API, model, options);
        let target = Target::new(&info, &matches!(family, Family::Claude(_)));
        Self { info, family, target }
    }

    pub(crate) fn is_claude(&self) -> bool {
        matches!(self.family, Family::Claude(_))
    }
}

impl Codec for Converse {
    fn info(&self) -> &ModelInfo {
        &self.info
    }

    fn encode(&self, request: &ModelRequest) -> Result<WireRequest> {
        Ok(encode::request(self, request))
    }

    fn encode_count(&self, request: &ModelRequest) -> Result<Option<CountRequest>> {
        // It counts for Claude alone.
        let wire = self.is_claude().then(|| encode::count(self, request));
        Ok(wire.map(|wire| CountRequest { wire, field: "inputTokens" }))
    }

    fn decoder(&self) -> Box<dyn Decoder> {
        Box::new(ConverseDecoder::new(&self.info))
    }

    fn failure(&self, reply: &HttpReply<'_>) -> Error {
        let error = reply_error(reply);
        // `ThrottlingException:http://…`: AWS tells the kind of an error beside its document.
        match (reply.header)("x-amzn-errortype").and_then(|kind| kind.split(':').next()) {
            Some(kind) if error.fact("code").is_none() => error.with("code", kind),
            _ => error,
        }
    }
}
