//! Names that open and names that do not, for whichever features are on.

use super::*;

fn error(spec: &str) -> String {
    let error = open(spec).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config, "{error}");
    error.to_string()
}

#[test]
fn a_name_has_two_parts() {
    for spec in ["", "claude", "anthropic"] {
        assert!(error(spec).contains("a model is named provider/model, such as"), "{spec}");
    }
    for spec in ["/x", "anthropic/", "anthropic/ ", "/"] {
        assert!(error(spec).contains("neither part may be empty"), "{spec}");
    }
}

#[test]
fn an_unknown_provider_is_told_from_one_that_is_not_built_in() {
    let unknown = error("nobody/x");
    assert!(unknown.contains("there is no provider \"nobody\"; built in are: "), "{unknown}");
    for backend in BACKENDS {
        assert_eq!(unknown.contains(backend.providers[0]), backend.built_in.is_some(), "{unknown}");
        if backend.built_in.is_none() {
            let missing = error(&format!("{}/x", backend.providers[0]));
            assert!(missing.contains(&format!("build with the feature `{}`", backend.feature)), "{missing}");
        }
    }
}

#[cfg(any(feature = "anthropic", feature = "bedrock", feature = "google", feature = "openai"))]
#[test]
fn options_stand_in_for_the_environment_and_do_not_show() {
    let options = OpenOptions::default().with_api_key("planted-key").with_base_url("http://u:planted@127.0.0.1:9/");
    assert!(!format!("{options:?}").contains("planted"));
    let models = Models::new();
    let keyed = |provider: &&crate::Provider| !provider.key_variables.is_empty() && provider.other_variables.is_empty();
    for provider in crate::providers().iter().filter(keyed) {
        let model = models.open_with(&format!("{}/some/model", provider.name), &options).unwrap();
        assert_eq!(&*model.info().origin.model, "some/model");
        let shown = format!("{model:?}");
        assert!(shown.contains("127.0.0.1:9") && !shown.contains("planted"), "{shown}");
        let empty = OpenOptions::default().with_api_key("").with_base_url("http://127.0.0.1:9/");
        let opened = models.open_with(&format!("{}/x", provider.name), &empty);
        if provider.key_required {
            let error = opened.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config, "{error}");
            assert!(error.to_string().contains(provider.key_variables[0]), "{error}");
        }
    }
}

#[cfg(feature = "scripted")]
#[test]
fn scripted_models_open_without_anything() {
    assert_eq!(open(" scripted/reviewer ").unwrap().info().spec(), "scripted/reviewer");
    assert!(open("scripted/nobody").is_err());
    let options = OpenOptions::default().with_api_key("k");
    assert_eq!(Models::new().open_with("scripted/echo", &options).unwrap_err().kind(), ErrorKind::InvalidInput);
    let scripted = crate::providers().pop().unwrap();
    assert!(scripted.is_ready() && scripted.models.contains(&"reviewer"));
}
