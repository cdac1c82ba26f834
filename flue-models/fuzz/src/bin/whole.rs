//! Replies that are one JSON document, for every codec.
#![no_main]

use flue_models_anthropic::Messages;
use flue_models_bedrock::Converse;
use flue_models_fuzz::check;
use flue_models_google::Gemini;
use flue_models_kit::{Codec, ReplyFormat};
use flue_models_openai::{ChatCodec, Compat, OpenAi, ResponsesCodec, Wire};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|reply: &[u8]| {
    let openai = |wire| OpenAi::keyless().describe("gpt-5.5", wire);
    let codecs: [&dyn Codec; 5] = [
        &Messages::new("anthropic", "claude-sonnet-4-6", &Default::default()),
        &ResponsesCodec::new(openai(Wire::Responses)),
        &ChatCodec::new(openai(Wire::Chat), Compat::GENERIC),
        &Gemini::new("google", "gemini-2.5-pro", &Default::default()),
        &Converse::new("bedrock", "amazon.nova-pro-v1:0", &Default::default()),
    ];
    for codec in codecs {
        check(codec, ReplyFormat::Whole, reply);
    }
});
