//! Every recorded stream, through the model suite and into a snapshot.

use flue_core_testkit::model::{self, Recording};
use flue_models_kit::{Codec, ReplyFormat, decode};
use flue_models_openai::Compat;

use crate::support::{chat, responses};

/// Every rule of the suite.
fn check(name: &str, bytes: &[u8], terminal: &str, codec: &dyn Codec) {
    let recording = Recording { name, bytes, terminal };
    let events = model::check(recording, &|chunks| decode(codec, ReplyFormat::Events, chunks));
    insta::assert_snapshot!(name, model::render(&events));
}

/// Every rule but the one about damage, which takes the longest and finds nothing in a longer recording of a kind.
fn check_cuts(name: &str, bytes: &[u8], terminal: &str, codec: &dyn Codec) {
    let recording = Recording { name, bytes, terminal };
    let decode = |chunks: &[&[u8]]| decode(codec, ReplyFormat::Events, chunks);
    let events = model::ends_once(recording, &decode);
    model::deltas_add_up(recording, &events);
    model::same_at_every_cut(recording, &decode, &events);
    model::fails_when_truncated(recording, &decode);
    insta::assert_snapshot!(name, model::render(&events));
}

macro_rules! recordings {
    ($($check:ident $test:ident: $file:literal, $terminal:expr, $codec:expr;)*) => { $(
        #[test]
        fn $test() {
            $check($file, include_bytes!(concat!("../fixtures/", $file, ".sse")), $terminal, &$codec);
        }
    )* };
}

recordings! {
    check_cuts chat_openai_parallel: "chat-openai-parallel", r#""finish_reason":"tool_calls"}]"#, chat(Compat::OPENAI);
    check chat_openrouter_reasoning: "chat-openrouter-reasoning", r#""finish_reason":"tool_calls"}]"#, openrouter();
    check_cuts chat_deepseek_reasoning: "chat-deepseek-reasoning", r#""finish_reason":"stop"}]"#, chat(Compat::GENERIC);
    check_cuts chat_groq_reasoning: "chat-groq-reasoning", r#""finish_reason":"tool_calls"}]"#, chat(Compat::GENERIC);
    check chat_mistral_list_content: "chat-mistral-list-content", r#""finish_reason":"stop"}]"#, chat(Compat::GENERIC);
    check chat_gemini_no_index: "chat-gemini-no-index", r#""finish_reason":"stop"}]"#, chat(Compat::GENERIC);
    check chat_ollama_index_zero: "chat-ollama-index-zero", r#""finish_reason":"stop"}]"#, chat(Compat::GENERIC);
    check_cuts chat_azure_filter: "chat-azure-filter", r#""finish_reason":"content_filter"}]"#, chat(Compat::GENERIC);
    check_cuts chat_moonshot_usage: "chat-moonshot-usage-in-choice", r#""finish_reason":"stop""#, chat(Compat::GENERIC);
    check_cuts chat_llamacpp_tool: "chat-llamacpp-tool", r#""finish_reason":"tool_calls""#, chat(Compat::GENERIC);
    check_cuts chat_llamacpp_length: "chat-llamacpp-length", r#""finish_reason":"length""#, chat(Compat::GENERIC);
    check_cuts chat_aimock_think_tool: "chat-aimock-think-tool", r#""finish_reason":"tool_calls"}]"#, chat(Compat::GENERIC);
    check chat_aimock_two_tools: "chat-aimock-two-tools", r#""finish_reason":"tool_calls"}]"#, chat(Compat::GENERIC);
    check_cuts chat_llmock_tool: "chat-llmock-tool", r#""finish_reason":"tool_calls"}]"#, chat(Compat::GENERIC);
    check_cuts responses_openai_parallel: "responses-openai-parallel", r#""type":"response.completed""#, responses();
    check responses_openai_incomplete: "responses-openai-incomplete", r#""type":"response.incomplete""#, responses();
    check_cuts responses_aimock_think_tool: "responses-aimock-think-tool", r#""type":"response.completed""#, responses();
    check responses_aimock_length: "responses-aimock-length", r#""type":"response.completed""#, responses();
    check_cuts responses_llamacpp_tool: "responses-llamacpp-tool", r#""type":"response.completed""#, responses();
    check responses_llamacpp_text: "responses-llamacpp-text", r#""type":"response.completed""#, responses();
}

fn openrouter() -> impl Codec {
    chat(flue_models_openai::Preset::named("openrouter").unwrap().compat)
}
