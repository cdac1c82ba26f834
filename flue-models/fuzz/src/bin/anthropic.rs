//! Anthropic's Messages.
#![no_main]

use flue_models_anthropic::Messages;
use flue_models_fuzz::check;
use flue_models_kit::ReplyFormat;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|reply: &[u8]| {
    let codec = Messages::new("anthropic", "claude-sonnet-4-6", &Default::default());
    check(&codec, ReplyFormat::Events, reply);
});
