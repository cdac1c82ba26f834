//! How room is made in long conversations.

use std::fmt;
use std::sync::Arc;

use crate::model::Model;

/// How room is made in conversations that come close to their model's context window.
///
/// First the results of old tool calls are trimmed. When that is not enough, all but the newest messages are summarised, and
/// the summary stands for them from then on. The store keeps every entry. A conversation that the provider refuses as too long
/// is summarised too, and the turn is taken again.
#[derive(Clone)]
#[non_exhaustive]
pub struct Compaction {
    /// Whether room is made before a conversation is too long. For a model whose window is not known, it is not.
    pub at_threshold: bool,
    /// How many tokens stay free for the next answer; 20,000 when nothing is said, less for models with small answers or
    /// windows.
    pub reserve_tokens: Option<u64>,
    /// How much of the newest conversation is kept as it is, in tokens; 8,000 when nothing is said, less for small windows.
    pub keep_recent_tokens: Option<u64>,
    /// What summarises; the session's own model when nothing is said.
    pub model: Option<Arc<dyn Model>>,
}

impl Default for Compaction {
    fn default() -> Self {
        Self { at_threshold: true, reserve_tokens: None, keep_recent_tokens: None, model: None }
    }
}

impl Compaction {
    /// Makes room only when a provider refuses a conversation, or somebody asks for it.
    pub fn when_refused() -> Self {
        Self { at_threshold: false, ..Self::default() }
    }

    /// Sets how many tokens stay free for the next answer.
    #[must_use]
    pub fn with_reserve_tokens(mut self, tokens: u64) -> Self {
        self.reserve_tokens = Some(tokens);
        self
    }

    /// Sets how many of the newest tokens are kept as they are.
    #[must_use]
    pub fn with_keep_recent_tokens(mut self, tokens: u64) -> Self {
        self.keep_recent_tokens = Some(tokens);
        self
    }

    /// Sets what summarises.
    #[must_use]
    pub fn with_model(mut self, model: Arc<dyn Model>) -> Self {
        self.model = Some(model);
        self
    }
}

impl fmt::Debug for Compaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compaction")
            .field("at_threshold", &self.at_threshold)
            .field("reserve_tokens", &self.reserve_tokens)
            .field("keep_recent_tokens", &self.keep_recent_tokens)
            .field("model", &self.model.as_ref().map(|model| model.info().spec()))
            .finish()
    }
}
