//! Chat Completions, in the dialects whose replies differ.
#![no_main]

use flue_core::model::ModelInfo;
use flue_models_fuzz::check;
use flue_models_kit::ReplyFormat;
use flue_models_openai::{CHAT_API, ChatCodec, PRESETS};
use libfuzzer_sys::fuzz_target;

/// Servers with dialects of their own.
const SERVERS: [&str; 4] = ["openai-chat", "openrouter", "deepseek", "mistral"];

fuzz_target!(|reply: &[u8]| {
    for preset in PRESETS.iter().filter(|preset| SERVERS.contains(&preset.name)) {
        let mut info = ModelInfo::new(preset.name, CHAT_API, "model");
        info.reasoning = true;
        check(&ChatCodec::new(info, preset.compat), ReplyFormat::Events, reply);
    }
});
