//! Bedrock's Converse, behind its checksums.
#![no_main]

use flue_models_bedrock::Converse;
use flue_models_fuzz::{check, mend_frames};
use flue_models_kit::ReplyFormat;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|reply: &[u8]| {
    let codec = Converse::new("bedrock", "global.anthropic.claude-sonnet-4-6", &Default::default());
    let mut reply = reply.to_vec();
    mend_frames(&mut reply);
    check(&codec, ReplyFormat::Frames, &reply);
});
