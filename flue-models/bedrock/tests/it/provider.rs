//! Setting the provider up.

use flue_core::{ErrorKind, Result};
use flue_models_bedrock::Bedrock;

fn open(variables: &[(&str, &str)], model: &str) -> Result<String> {
    let env = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
    Bedrock::with_env(&env).and_then(|bedrock| Ok(format!("{:?}", bedrock.model(model)?)))
}

#[test]
fn the_environment_has_key_region_and_address() {
    let key = ("AWS_BEARER_TOKEN_BEDROCK", "planted-key");
    let plain = open(&[key], "m").unwrap();
    assert!(plain.contains("https://bedrock-runtime.us-east-1.amazonaws.com"), "{plain}");
    assert!(plain.contains("authorization") && !plain.contains("planted"), "{plain}");
    let region = open(&[key, ("AWS_DEFAULT_REGION", "eu-west-1")], "m").unwrap();
    assert!(region.contains("bedrock-runtime.eu-west-1."), "{region}");
    let arn = "arn:aws:bedrock:ap-south-1:123:inference-profile/x";
    assert!(open(&[key, ("AWS_REGION", "eu-west-1")], arn).unwrap().contains("bedrock-runtime.ap-south-1."));
    let local = open(&[key, ("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", "http://127.0.0.1:9")], "m").unwrap();
    assert!(local.contains("http://127.0.0.1:9"), "{local}");
    let error = open(&[], "m").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("set AWS_BEARER_TOKEN_BEDROCK"), "{error}");
    assert!(Bedrock::new("").model("m").unwrap_err().to_string().contains("AWS_BEARER_TOKEN_BEDROCK is where"));
}

#[cfg(feature = "sigv4")]
#[test]
fn access_keys_stand_in_for_the_key() {
    let keys = [("AWS_ACCESS_KEY_ID", "AKID"), ("AWS_SECRET_ACCESS_KEY", "planted"), ("AWS_SESSION_TOKEN", "planted")];
    let model = open(&keys, "m").unwrap();
    assert!(!model.contains("planted"), "{model}");
    let missing = open(&[], "m").unwrap_err().to_string();
    assert!(missing.contains("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE"), "{missing}");
    let half = open(&keys[..1], "m").unwrap_err().to_string();
    assert!(half.contains("AWS_ACCESS_KEY_ID is set, and AWS_SECRET_ACCESS_KEY is not"), "{half}");
}
