//! The kit's tolerant reading of JSON, and its writing.
#![no_main]

use flue_models_kit::json::{Count, List, Number, Str, escape, repair};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|text: &str| {
    let mended = repair(text);
    if let Some(mended) = &mended {
        assert_eq!(repair(mended), None, "what was mended needs no mending");
    }
    // What is JSON needs none, and any value is taken wherever one is expected.
    if serde_json::from_str::<Value>(text).is_ok() {
        assert_eq!(mended, None);
        assert!(serde_json::from_str::<Str<'_>>(text).is_ok());
        assert!(serde_json::from_str::<Count>(text).is_ok());
        assert!(serde_json::from_str::<Number>(text).is_ok());
        assert!(serde_json::from_str::<List<Str<'_>>>(text).is_ok());
    }
    let mut written = Vec::new();
    escape(&mut written, text);
    assert_eq!(serde_json::from_slice::<String>(&written).ok().as_deref(), Some(text));
});
