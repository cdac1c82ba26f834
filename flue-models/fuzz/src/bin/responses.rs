//! OpenAI's Responses.
#![no_main]

use flue_models_fuzz::check;
use flue_models_kit::ReplyFormat;
use flue_models_openai::{OpenAi, ResponsesCodec, Wire};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|reply: &[u8]| {
    let codec = ResponsesCodec::new(OpenAi::keyless().describe("gpt-5.5", Wire::Responses));
    check(&codec, ReplyFormat::Events, reply);
});
