//! Gemini, before and after its third version.
#![no_main]

use flue_models_fuzz::check;
use flue_models_google::Gemini;
use flue_models_kit::ReplyFormat;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|reply: &[u8]| {
    for model in ["gemini-3-flash-preview", "gemini-2.5-pro"] {
        check(&Gemini::new("google", model, &Default::default()), ReplyFormat::Events, reply);
    }
});
