//! Replies that were mutated at random, the same way in every run: no panic, and at most one end.

use flue_core_testkit::model::mutate;
use flue_models_kit::decode;

use crate::codecs::all;

/// How many mutants each reply has.
const MUTANTS: u64 = 400;

#[test]
fn no_decoder_panics_or_ends_twice() {
    for case in all() {
        for (index, reply) in case.replies.iter().enumerate() {
            let name = format!("{} {index}", case.name);
            mutate(&name, reply, MUTANTS, &|chunks| decode(&*case.codec, case.format, chunks));
        }
    }
}

/// Bedrock's frames are under checksums, which nearly every mutant fails. Its decoder is also given mutants as events.
#[test]
fn events_behind_checksums_are_mutated_too() {
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
    mutate("bedrock events", lines.join("\n").as_bytes(), 20 * MUTANTS, &|chunks| {
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
