//! Flue as an application would use it: one agent, a harness for each run, the result collected.

use std::sync::Arc;

use async_trait::async_trait;
use flue_core::event::{EventRecord, Observer};
use flue_core::{AgentSpec, Error, ErrorKind, Harness, OpenRequest, Result, Sandbox, SandboxFactory};
use flue_models_anthropic::Anthropic;
use flue_sandbox_virtual::Virtual;

use super::Job;
use crate::load::{Load, Place, prompt};

const INSTRUCTIONS: &str = "You are a careful document reviewer.";
const DOCUMENT: &str = "document.md";
const REVIEW: &str = "review.md";
/// The model that writes a review; the others only read.
const REVIEWER: &str = "scripted";

/// The client with a harness.
pub(super) struct Flue {
    agent: AgentSpec,
    collects: bool,
}

impl Job for Flue {
    type Kept = Harness;

    async fn open(load: &Load, model: &str) -> Result<Self> {
        let sandboxes = Virtual::new().file(DOCUMENT, load.document()?);
        let sandboxes: Arc<dyn SandboxFactory> = match load.place {
            Place::Virtual => Arc::new(sandboxes),
            Place::Shared => Arc::new(Shared(sandboxes.open(OpenRequest::new("shared")).await?)),
        };
        // The server reads no key, but the requests have one, as always.
        let model_handle = Anthropic::new("none-needed").base_url(&load.base).model(model)?;
        let agent = AgentSpec::builder(model_handle, sandboxes).instructions(INSTRUCTIONS);
        let agent = if load.events { agent.observer(Arc::new(Written)) } else { agent };
        let agent = agent.build()?;
        Ok(Self { agent, collects: model == REVIEWER })
    }

    async fn run(&self, id: String) -> Result<(String, Harness)> {
        let text = prompt(&id);
        let harness = self.agent.start(id).await?;
        let reply = harness.prompt(text).await?;
        if self.collects && harness.fs().read(REVIEW).await?.is_empty() {
            return Err(Error::new(ErrorKind::Internal, "collect", "the review is empty").with("path", REVIEW));
        }
        Ok((reply.text, harness))
    }
}

/// Makes of each event the line of JSON that a record has, and keeps none.
struct Written;

impl Observer for Written {
    fn event(&self, record: &EventRecord) {
        std::hint::black_box(serde_json::to_vec(record).ok());
    }
}

/// Gives every harness the same sandbox.
#[derive(Debug)]
struct Shared(Arc<dyn Sandbox>);

#[async_trait]
impl SandboxFactory for Shared {
    async fn open(&self, _request: OpenRequest) -> Result<Arc<dyn Sandbox>> {
        Ok(self.0.clone())
    }
}
