//! Servers and parsers that others wrote. `cargo xtask peers` starts them, and runs these tests by name.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use flue_core::ErrorKind;
use flue_core::model::{AssistantBlock, Message, Model, ModelRequest, ThinkingLevel, Turn, collect};
use flue_core_testkit::model::tools;
use flue_models::{Models, OpenOptions};

use crate::codecs::all;
use crate::round_trips::{exchange, question};

/// What `cargo xtask peers` sets.
fn given(variable: &str) -> String {
    std::env::var(variable)
        .unwrap_or_else(|_| panic!("{variable} is not set: these tests are run by `cargo xtask peers`"))
}

/// Models, and where the server has their wires.
const WIRES: [(&str, &str); 8] = [
    ("anthropic/claude-sonnet-4-6", ""),
    ("openai/gpt-5.5", "/v1"),
    ("openai-chat/gpt-5.5", "/v1"),
    ("openrouter/anthropic/claude-sonnet-4.6", "/v1"),
    ("azure/gpt-5.5", ""),
    ("google/gemini-3-flash-preview", "/v1beta"),
    ("vertex/gemini-2.5-pro", ""),
    // Not a Claude: aimock takes no cache points among the tools, which AWS wants there.
    ("bedrock/amazon.nova-pro-v1:0", ""),
];

fn open(spec: &str, base_url: String) -> Arc<dyn Model> {
    let options = OpenOptions::default().with_base_url(base_url).with_api_key("not-a-real-key");
    Models::new().open_with(spec, &options).unwrap()
}

async fn ask(model: &dyn Model, messages: Vec<Arc<Message>>) -> Turn {
    let mut request = ModelRequest::new(messages);
    request.tools = tools();
    request.thinking = ThinkingLevel::High;
    let spec = model.info().spec();
    let events = model.stream(request).await.unwrap_or_else(|error| panic!("{spec}: {error:#}"));
    collect(events, |_| {}).await.unwrap_or_else(|error| panic!("{spec}: {error:#}"))
}

/// The server's script: to `Look:` without results each model thinks, says something and makes two calls; with them it
/// answers.
#[tokio::test]
#[ignore = "run by `cargo xtask peers`: needs aimock"]
async fn every_model_goes_on_with_what_every_other_began() {
    let server = given("FLUE_PEER_AIMOCK");
    let models: Vec<_> = WIRES.iter().map(|(spec, base)| open(spec, format!("{server}{base}"))).collect();
    for from in &models {
        let first = ask(&**from, vec![question()]).await;
        let calls = first.content.iter().filter(|block| matches!(block, AssistantBlock::ToolCall(_))).count();
        assert_eq!(calls, 2, "{}: {first:?}", from.info().spec());
        for to in &models {
            let pair = format!("{} to {}", from.info().spec(), to.info().spec());
            let mut messages = exchange(first.clone(), &from.info().origin);
            let second = ask(&**to, messages.clone()).await.into_assistant(to.info().origin.clone());
            assert_eq!(second.text(), "Both are warm.", "{pair}");
            messages.push(Message::new(second));
            messages.push(Message::user("Thanks."));
            let third = ask(&**from, messages).await.into_assistant(from.info().origin.clone());
            assert_eq!(third.text(), "You are welcome.", "{pair} and back");
        }
    }
}

/// A server that counts, of a model that is small and real.
#[tokio::test]
#[ignore = "run by `cargo xtask peers`: needs llama.cpp"]
async fn a_real_server_counts_tokens() {
    let model = open("anthropic/local", given("FLUE_PEER_LLAMACPP"));
    let count = async |text: String| {
        let counted = model.count_tokens(ModelRequest::new(vec![Message::user(text)])).await;
        counted.unwrap().unwrap()
    };
    let (short, long) = (count("word".to_owned()).await, count("word ".repeat(500)).await);
    assert!(short > 0 && (400..700).contains(&(long - short)), "{short} {long}");
}

#[tokio::test]
#[ignore = "run by `cargo xtask peers`: needs llama.cpp"]
async fn a_real_overflow_is_told_as_one() {
    let server = given("FLUE_PEER_LLAMACPP");
    for (spec, base) in [("anthropic/local", ""), ("openai/local", "/v1"), ("llamacpp/local", "/v1")] {
        let model = open(spec, format!("{server}{base}"));
        let request = ModelRequest::new(vec![Message::user("word ".repeat(20_000))]);
        let error = match model.stream(request).await {
            Ok(events) => collect(events, |_| {}).await.unwrap_err(),
            Err(error) => error,
        };
        assert_eq!(error.kind(), ErrorKind::ContextOverflow, "{spec}: {error:?}");
    }
}

/// Writes what goes out for every pair, for the official SDKs to read.
#[test]
#[ignore = "run by `cargo xtask peers`: writes files"]
fn bodies_are_written_for_the_official_sdks() {
    let directory = PathBuf::from(given("FLUE_PEER_BODIES"));
    let cases = all();
    for from in &cases {
        for to in &cases {
            let mut request = ModelRequest::new(exchange(from.turn(), &from.codec.info().origin));
            request.tools = tools();
            request.system = "Be brief.".into();
            request.cache_key = Some("session".into());
            for level in [ThinkingLevel::Off, ThinkingLevel::High, ThinkingLevel::Max] {
                request.thinking = level;
                let name = to.name.replace("gemini-2.5", "gemini-2");
                let write = |wire: &str, body: &[u8]| {
                    fs::write(directory.join(format!("{wire}.{}-{level}.json", from.name)), body).unwrap();
                };
                write(&name, &to.codec.encode(&request).unwrap().body);
                if let Some(count) = to.codec.encode_count(&request).unwrap() {
                    write(&format!("{name}-count"), &count.wire.body);
                }
            }
        }
    }
}
