//! Every recorded stream, through the model suite and into a snapshot.

use flue_core_testkit::model::{self, Recording};
use flue_models_kit::{Codec, ReplyFormat, decode};
use flue_models_openai::Compat;

use crate::support::{chat, render, responses};

fn check(name: &str, bytes: &[u8], terminal: &str, codec: &dyn Codec) {
    let recording = Recording { name, bytes, terminal };
    let events = model::check(recording, &|chunks| decode(codec, ReplyFormat::Events, chunks));
    insta::assert_snapshot!(name, render(&events));
}

macro_rules! recordings {
    ($($test:ident: $file:literal, $terminal:expr, $codec:expr;)*) => { $(
        #[test]
        fn $test() {
            check($file, include_bytes!(concat!("../fixtures/", $file, ".sse")), $terminal, &$codec);
        }
    )* };
}

recordings! {
    chat_openai_parallel: "chat-openai-parallel", r#""finish_reason":"tool_calls"}]"#, chat(Compat::OPENAI);
    chat_openrouter_reasoning: "chat-openrouter-reasoning", r#""finish_reason":"tool_calls"}]"#, openrouter();
    chat_deepseek_reasoning: "chat-deepseek-reasoning", r#""finish_reason":"stop"}]"#, chat(Compat::GENERIC);
    chat_groq_reasoning: "chat-groq-reasoning", r#""finish_reason":"tool_calls"}]"#, chat(Compat::GENERIC);
    chat_mistral_list_content: "chat-mistral-list-content", r#""finish_reason":"stop"}]"#, chat(Compat::GENERIC);
    chat_gemini_no_index: "chat-gemini-no-index", r#""finish_reason":"stop"}]"#, chat(Compat::GENERIC);
    chat_ollama_index_zero: "chat-ollama-index-zero", r#""finish_reason":"stop"}]"#, chat(Compat::GENERIC);
    chat_azure_filter: "chat-azure-filter", r#""finish_reason":"content_filter"}]"#, chat(Compat::GENERIC);
    chat_moonshot_usage: "chat-moonshot-usage-in-choice", r#""finish_reason":"stop""#, chat(Compat::GENERIC);
    chat_llamacpp_tool: "chat-llamacpp-tool", r#""finish_reason":"tool_calls""#, chat(Compat::GENERIC);
    chat_llamacpp_length: "chat-llamacpp-length", r#""finish_reason":"length""#, chat(Compat::GENERIC);
    chat_aimock_think_tool: "chat-aimock-think-tool", r#""finish_reason":"tool_calls"}]"#, chat(Compat::GENERIC);
    chat_aimock_two_tools: "chat-aimock-two-tools", r#""finish_reason":"tool_calls"}]"#, chat(Compat::GENERIC);
    chat_llmock_tool: "chat-llmock-tool", r#""finish_reason":"tool_calls"}]"#, chat(Compat::GENERIC);
    responses_openai_parallel: "responses-openai-parallel", r#""type":"response.completed""#, responses();
    responses_openai_incomplete: "responses-openai-incomplete", r#""type":"response.incomplete""#, responses();
    responses_aimock_think_tool: "responses-aimock-think-tool", r#""type":"response.completed""#, responses();
    responses_aimock_two_tools: "responses-aimock-two-tools", r#""type":"response.completed""#, responses();
    responses_aimock_length: "responses-aimock-length", r#""type":"response.completed""#, responses();
    responses_llamacpp_tool: "responses-llamacpp-tool", r#""type":"response.completed""#, responses();
    responses_llamacpp_text: "responses-llamacpp-text", r#""type":"response.completed""#, responses();
    responses_llmock_tool: "responses-llmock-tool", r#""type":"response.completed""#, responses();
}

fn openrouter() -> impl Codec {
    chat(flue_models_openai::Preset::named("openrouter").unwrap().compat)
}
