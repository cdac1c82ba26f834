//! Setting the providers up.

use flue_core::ErrorKind;
use flue_models_google::Google;

fn env<'a>(variables: &'a [(&'a str, &'a str)]) -> impl Fn(&str) -> Option<String> + 'a {
    |name| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
}

#[test]
fn the_environment_has_keys_and_address() {
    let open = |variables: &[(&str, &str)]| {
        Google::with_env(&env(variables)).and_then(|google| Ok(format!("{:?}", google.model("x")?)))
    };
    let key = open(&[("GEMINI_API_KEY", "planted-key"), ("GOOGLE_API_KEY", "other")]).unwrap();
    assert!(key.contains("x-goog-api-key") && key.contains("googleapis.com/v1beta\""), "{key}");
    assert!(!key.contains("planted"), "{key}");
    let other = open(&[("GEMINI_API_KEY", " "), ("GOOGLE_API_KEY", "k"), ("GOOGLE_GEMINI_BASE_URL", "http://h:1/")]);
    assert!(other.as_ref().is_ok_and(|shown| shown.contains("\"http://h:1/v1beta\"")), "{other:?}");
    let versioned = open(&[("GEMINI_API_KEY", "k"), ("GOOGLE_GEMINI_BASE_URL", "http://h:1/v1")]);
    assert!(versioned.as_ref().is_ok_and(|shown| shown.contains("\"http://h:1/v1\"")), "{versioned:?}");
    assert_eq!(
        open(&[]).unwrap_err().to_string(),
        "open model: there is no key for Google: set GEMINI_API_KEY, or GOOGLE_API_KEY"
    );
    assert_eq!(
        open(&[("GOOGLE_API_KEY", "")]).unwrap_err().to_string(),
        "open model: GOOGLE_API_KEY is set and empty: give it the key, or unset it (provider: google)"
    );
}

#[test]
fn what_is_wrong_is_said() {
    let error = |google: Google, id: &str| google.model(id).unwrap_err();
    assert_eq!(
        error(Google::new("k"), " ").to_string(),
        "open model: the name of the model is empty (provider: google)"
    );
    assert!(error(Google::new(""), "x").to_string().contains("GEMINI_API_KEY is where it usually comes from"));
    assert_eq!(error(Google::new("k").base_url("localhost:1"), "x").kind(), ErrorKind::Config);
    assert_eq!(Google::keyless().model("m").unwrap().info().spec(), "google/m");
}

#[cfg(feature = "vertex")]
#[test]
fn vertex_has_a_project_a_location_and_a_key_or_token() {
    use flue_models_google::Vertex;
    let open = |variables: &[(&str, &str)]| {
        Vertex::with_env(&env(variables)).and_then(|vertex| Ok(format!("{:?}", vertex.model("gemini-2.5-pro")?)))
    };
    let global = open(&[("GOOGLE_CLOUD_API_KEY", "planted-key"), ("GOOGLE_CLOUD_PROJECT", "p")]).unwrap();
    let url = "https://aiplatform.googleapis.com/v1/projects/p/locations/global/publishers/google";
    assert!(global.contains(url) && global.contains("x-goog-api-key") && !global.contains("planted"), "{global}");
    let token = open(&[
        ("CLOUDSDK_AUTH_ACCESS_TOKEN", "planted-token"),
        ("GOOGLE_CLOUD_PROJECT", "p"),
        ("GOOGLE_CLOUD_LOCATION", "europe-west4"),
    ])
    .unwrap();
    assert!(token.contains("https://europe-west4-aiplatform.googleapis.com/v1/projects/p"), "{token}");
    assert!(token.contains("authorization") && !token.contains("planted"), "{token}");
    assert!(open(&[("GOOGLE_CLOUD_API_KEY", "k")]).unwrap_err().to_string().contains("set GOOGLE_CLOUD_PROJECT"));
    assert!(open(&[]).unwrap_err().to_string().contains("gcloud auth print-access-token"));
    let model = Vertex::new("p", "global", "k").model("gemini-2.5-pro").unwrap();
    assert_eq!((model.info().spec().as_str(), model.info().max_output), ("vertex/gemini-2.5-pro", Some(65_536)));
}
