//! Opening models: keys, addresses, dialects, what is known.

use super::*;

fn env<'a>(variables: &'a [(&'a str, &'a str)]) -> impl Fn(&str) -> Option<String> + 'a {
    |name| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
}

fn open(name: &str, variables: &[(&str, &str)]) -> Result<OpenAi> {
    OpenAi::with_env(Preset::named(name).unwrap(), &env(variables))
}

#[test]
fn a_missing_or_empty_key_names_its_variable() {
    for preset in PRESETS.iter().filter(|preset| preset.key_required) {
        for (variables, state) in [(vec![], "not set"), (vec![(preset.key_variable, " \n")], "empty")] {
            let error = open(preset.name, &variables).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            let text = error.to_string();
            assert!(text.contains(&format!("{} is {state}", preset.key_variable)), "{text}");
        }
    }
    let error = OpenAi::new(" ").responses("gpt-5.5").unwrap_err();
    assert_eq!(
        error.to_string(),
        "open model: the key is empty; OPENAI_API_KEY is where it usually comes from (provider: openai)"
    );
    assert!(OpenAi::new("").header("Authorization", "Basic x").responses("gpt-5.5").is_ok());
}

#[test]
fn every_preset_opens_a_model_under_its_own_name() {
    for preset in PRESETS {
        let provider = open(preset.name, &[(preset.key_variable, "sk-secret-key")]).unwrap();
        let model = provider.model("some/model").unwrap();
        assert_eq!(model.info().spec(), format!("{}/some/model", preset.name));
        assert!(!format!("{provider:?} {model:?}").contains("sk-secret"));
        if !preset.key_required {
            open(preset.name, &[]).unwrap().model("m").unwrap();
        }
    }
    assert!(OpenAi::preset("nobody").unwrap_err().to_string().contains("known are openai, openai-chat, openrouter"));
    assert_eq!(OpenAi::new("k").model("").unwrap_err().kind(), ErrorKind::Config);
    assert_eq!(OpenAi::new("k").base_url("localhost:1").model("m").unwrap_err().kind(), ErrorKind::Config);
}

#[test]
fn the_wire_of_openai_is_chosen_by_method_or_name() {
    let api = |model: Arc<dyn Model>| model.info().origin.api.to_string();
    let openai = OpenAi::new("k");
    assert_eq!(api(openai.model("gpt-5.5").unwrap()), "openai-responses");
    assert_eq!(api(openai.chat("gpt-5.5").unwrap()), "openai-chat");
    assert_eq!(openai.chat("gpt-5.5").unwrap().info().spec(), "openai-chat/gpt-5.5");
    let chat = open("openai-chat", &[("OPENAI_API_KEY", "k")]).unwrap();
    assert_eq!(api(chat.model("gpt-5.5").unwrap()), "openai-chat");
    assert_eq!(chat.responses("gpt-5.5").unwrap().info().spec(), "openai/gpt-5.5");
}

#[test]
fn the_environment_sets_address_organisation_and_project() {
    let provider = open(
        "openai",
        &[
            ("OPENAI_API_KEY", "k"),
            ("OPENAI_BASE_URL", "http://127.0.0.1:4010/v1"),
            ("OPENAI_ORG_ID", "org-1"),
            ("OPENAI_PROJECT_ID", "proj-1"),
        ],
    )
    .unwrap();
    assert_eq!(provider.access.address(), "http://127.0.0.1:4010/v1");
    let shown = format!("{provider:?}");
    assert!(shown.contains("openai-organization") && shown.contains("openai-project"), "{shown}");
    assert_eq!(provider.dialect(), Compat::GENERIC);
    let groq = open("groq", &[("GROQ_API_KEY", "k"), ("OPENAI_ORG_ID", "o")]).unwrap();
    assert!(!format!("{groq:?}").contains("organization"));
}

#[test]
fn the_dialect_follows_the_address_unless_it_is_set() {
    let at = |url: &str| OpenAi::new("k").base_url(url).dialect();
    let of = |name: &str| Preset::named(name).unwrap().compat;
    assert_eq!(at("https://api.openai.com/v1"), Compat::OPENAI);
    assert_eq!(at("https://api.groq.com/openai/v1"), of("groq"));
    assert_eq!(at("https://user:pw@api.mistral.ai:443/v1?x"), of("mistral"));
    assert_eq!(at("https://notapi.mistral.ai.example/v1"), Compat::GENERIC);
    let proxied = open("deepseek", &[("DEEPSEEK_API_KEY", "k"), ("DEEPSEEK_BASE_URL", "http://proxy/ds")]).unwrap();
    assert_eq!(proxied.dialect(), of("deepseek"));
    assert_eq!(proxied.compat(Compat::OPENAI).dialect(), Compat::OPENAI);
}

#[test]
fn what_ollama_calls_its_host_becomes_a_base_url() {
    for (host, url) in [
        ("127.0.0.1", "http://127.0.0.1:11434/v1"),
        ("0.0.0.0:8080", "http://127.0.0.1:8080/v1"),
        (":8080", "http://127.0.0.1:8080/v1"),
        ("box", "http://box:11434/v1"),
        (" http://box:1/ ", "http://box:1/v1"),
        ("https://box", "https://box/v1"),
        ("https://box/ollama", "https://box/ollama/v1"),
        ("http://box:1/v1", "http://box:1/v1"),
        ("[::1]", "http://[::1]:11434/v1"),
        ("[::1]:5", "http://[::1]:5/v1"),
    ] {
        assert_eq!(ollama_url(host), url, "{host}");
        let provider = open("ollama", &[("OLLAMA_HOST", host)]).unwrap();
        assert!(provider.model("qwen3").is_ok(), "{host}");
    }
}

#[test]
fn what_is_known_of_a_model_may_be_completed() {
    let ollama = open("ollama", &[]).unwrap();
    let mut info = ollama.describe("qwen3-vl", Wire::Chat);
    assert!(!info.images && !info.reasoning && info.context_window.is_none());
    info.images = true;
    info.context_window = Some(32_768);
    assert_eq!(ollama.open(info.clone()).unwrap().info(), &info);
    let gpt = OpenAi::new("k").describe("gpt-5.1-2025-11-13", Wire::Responses);
    assert_eq!((gpt.context_window, gpt.images, gpt.reasoning), (Some(400_000), true, true));
}
