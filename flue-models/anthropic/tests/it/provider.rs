//! Setting the provider up.

use flue_core::ErrorKind;
use flue_models_anthropic::{Anthropic, ModelOptions};

#[test]
fn a_model_opens_by_any_id() {
    let model = Anthropic::new("key").model("claude-sonnet-4-6").unwrap();
    assert_eq!(model.info().spec(), "anthropic/claude-sonnet-4-6");
    assert_eq!(model.info().context_window, Some(1_000_000));
    assert_eq!(Anthropic::keyless().model("some/thing").unwrap().info().spec(), "anthropic/some/thing");
    let mut options = ModelOptions::default();
    options.context_window = Some(4096);
    assert_eq!(Anthropic::bearer("t").model_with("local", &options).unwrap().info().context_window, Some(4096));
}

#[test]
fn the_environment_has_key_token_and_address() {
    let open = |variables: &[(&str, &str)]| {
        let set = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| value.to_string());
        Anthropic::with_env(&set).and_then(|anthropic| Ok(format!("{:?}", anthropic.model("x")?)))
    };
    let key = open(&[("ANTHROPIC_API_KEY", "k"), ("ANTHROPIC_AUTH_TOKEN", "t")]).unwrap();
    assert!(key.contains("x-api-key") && key.contains("https://api.anthropic.com/"), "{key}");
    let token =
        open(&[("ANTHROPIC_API_KEY", " "), ("ANTHROPIC_AUTH_TOKEN", "t"), ("ANTHROPIC_BASE_URL", "http://h:1/v1/")]);
    assert!(
        token.as_ref().is_ok_and(|shown| shown.contains("authorization") && shown.contains("\"http://h:1/\"")),
        "{token:?}"
    );
    assert_eq!(
        open(&[]).unwrap_err().to_string(),
        "open model: there is no key for Anthropic: set ANTHROPIC_API_KEY, or ANTHROPIC_AUTH_TOKEN for a token"
    );
    assert_eq!(
        open(&[("ANTHROPIC_API_KEY", "")]).unwrap_err().to_string(),
        "open model: ANTHROPIC_API_KEY is set and empty: give it the key, or unset it (provider: anthropic)"
    );
}

#[test]
fn what_is_wrong_is_said() {
    let error = |anthropic: Anthropic, id: &str| {
        let error = anthropic.model(id).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        error.to_string()
    };
    assert_eq!(
        error(Anthropic::new(" \n"), "x"),
        "open model: the key is empty; ANTHROPIC_API_KEY is where it usually comes from (provider: anthropic)"
    );
    assert_eq!(error(Anthropic::new("k"), " "), "open model: the name of the model is empty (provider: anthropic)");
    assert_eq!(
        error(Anthropic::new("k").base_url("localhost:8080"), "x"),
        "set the base URL: it has to begin with http:// or https:// and name a host"
    );
    assert_eq!(
        error(Anthropic::new("k\u{1}"), "x"),
        "set a header: its value has characters that HTTP does not allow (name: x-api-key)"
    );
    assert_eq!(error(Anthropic::new("k").header("a b", "v"), "x"), "set a header: its name is not allowed (name: a b)");
}

#[test]
fn nothing_shows_a_secret() {
    let anthropic = Anthropic::new("sk-planted")
        .header("x-extra", "planted-too")
        .base_url("https://user:planted-password@gateway.example/v1");
    let shown = format!("{anthropic:?} {:?}", anthropic.model("x").unwrap());
    assert!(!shown.contains("planted"), "{shown}");
    assert!(shown.contains("gateway.example"), "{shown}");
}
