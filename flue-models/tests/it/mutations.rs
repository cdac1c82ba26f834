//! Replies that were mutated at random, the same way in every run: no panic, and at most one end. One target a decoder.
//!
//! CI runs a few mutants of each reply. To look for longer, name a number and a target:
//!
//! ```sh
//! FLUE_MUTANTS=1000000 cargo test -p flue-models --all-features --test it mutations::bedrock
//! ```

use flue_core_testkit::model::mutate;
use flue_models_kit::decode;

use crate::codecs::all;

/// How many mutants each reply has, unless the variable says another number.
const MUTANTS: u64 = 400;
const MUTANTS_VARIABLE: &str = "FLUE_MUTANTS";

fn mutants() -> u64 {
    let given = std::env::var(MUTANTS_VARIABLE).ok();
    given.map_or(MUTANTS, |number| number.parse().expect("FLUE_MUTANTS is a number"))
}

fn target(name: &str) {
    let cases = all();
    let case = cases.iter().find(|case| case.name == name).expect("a target is the name of a case");
    for (index, reply) in case.replies.iter().enumerate() {
        mutate(&format!("{name} {index}"), reply, mutants(), &|chunks| decode(&*case.codec, case.format, chunks));
    }
}

macro_rules! targets {
    ($($test:ident $name:literal;)*) => {
        $(#[test] fn $test() { target($name); })*

        #[test]
        fn every_decoder_is_a_target() {
            let named = [$($name),*];
            assert!(all().iter().all(|case| named.contains(&case.name)));
        }
    };
}

targets! {
    anthropic "anthropic";
    responses "responses";
    chat "chat";
    openrouter "openrouter";
    gemini_3 "gemini-3";
    gemini_2 "gemini-2.5";
    bedrock "bedrock";
}

/// Bedrock's frames are under checksums, which nearly every mutant fails. Its decoder is also given mutants as events.
#[test]
fn bedrock_events_behind_checksums() {
    use flue_models_kit::{Codec, SseEvent};
    let codec = flue_models_bedrock::Converse::new("bedrock", "anthropic.claude-sonnet-4-6", &Default::default());
    let lines = [
        r#"contentBlockDelta {"contentBlockIndex":0,"delta":{"reasoningContent":{"text":"hm","signature":"c2ln"}}}"#,
        r#"contentBlockStop {"contentBlockIndex":0}"#,
        r#"contentBlockStart {"contentBlockIndex":1,"start":{"toolUse":{"toolUseId":"t","name":"read"}}}"#,
        r#"contentBlockDelta {"contentBlockIndex":1,"delta":{"toolUse":{"input":"{\"path\":\"a\"}"}}}"#,
        r#"contentBlockStop {"contentBlockIndex":1}"#,
        r#"messageStop {"stopReason":"tool_use"}"#,
        r#"metadata {"usage":{"inputTokens":1,"outputTokens":2}}"#,
    ];
    mutate("bedrock events", lines.join("\n").as_bytes(), 20 * mutants(), &|chunks| {
        let text = String::from_utf8_lossy(&chunks.concat()).into_owned();
        let (mut decoder, mut events) = (codec.decoder(), Vec::new());
        for line in text.lines() {
            let (name, data) = line.split_once(' ').unwrap_or((line, ""));
            decoder.event(SseEvent { name, data }, &mut events)?;
            if events.iter().any(|event| matches!(event, flue_core::model::ModelEvent::Finished(_))) {
                return Ok(events);
            }
        }
        decoder.end(&mut events)?;
        Ok(events)
    });
}
