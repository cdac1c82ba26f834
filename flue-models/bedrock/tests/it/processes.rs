//! `credential_process`: programs that print keys, and programs that do not.

use std::time::{Duration, Instant};

use flue_core::{Error, ErrorKind};
use flue_core_testkit::Scratch;
use flue_models_bedrock::{Bedrock, ProfileFiles};

use crate::botocore::ask;

/// Nobody listens there: who gets as far has signed.
const NOBODY: &str = "http://127.0.0.1:9";

fn bedrock(files: &Scratch, script: &str) -> Bedrock {
    std::fs::write(files.path().join("print.sh"), script).unwrap();
    let config = files.path().join("config");
    let program = files.path().join("print.sh");
    std::fs::write(&config, format!("[default]\ncredential_process = sh '{}' planted-argument\n", program.display()))
        .unwrap();
    let profile = ProfileFiles::new("/nowhere", config).profile("default").unwrap().unwrap();
    Bedrock::profile(&profile).unwrap().base_url(NOBODY)
}

async fn error(script: &str) -> Error {
    let files = Scratch::new("process");
    let error = ask(&bedrock(&files, script)).await.unwrap_err();
    assert_eq!((error.fact("profile"), error.fact("program")), (Some("default"), Some("sh")), "{error:#}");
    let text = format!("{error:?} {error:#}");
    assert!(!text.contains("planted"), "{text}");
    error
}

fn keys(lasts: &str) -> String {
    format!(
        "echo run >> \"$(dirname \"$0\")/runs\"\n\
         echo \"{{\\\"Version\\\":1,\\\"AccessKeyId\\\":\\\"A\\\",\\\"SecretAccessKey\\\":\\\"s\\\"{lasts}}}\"\n"
    )
}

async fn runs(lasts: &str) -> usize {
    let files = Scratch::new("process");
    let bedrock = bedrock(&files, &keys(lasts));
    let other = bedrock.clone();
    let (one, two) = tokio::join!(ask(&bedrock), ask(&other));
    for asked in [one, two, ask(&bedrock).await] {
        assert_eq!(asked.unwrap_err().fact("phase"), Some("connect"));
    }
    std::fs::read_to_string(files.path().join("runs")).unwrap().lines().count()
}

#[tokio::test]
async fn keys_are_kept_until_shortly_before_they_end() {
    let ends = |when: &str| format!(r#",\"Expiration\":\"$(date -u -d '{when}' +%Y-%m-%dT%H:%M:%SZ)\""#);
    assert_eq!(runs("").await, 1);
    assert_eq!(runs(&ends("1 hour")).await, 1);
    assert_eq!(runs(&ends("4 minutes")).await, 3);
}

#[tokio::test]
async fn a_program_that_fails_is_quoted_by_the_last_line_of_its_standard_error() {
    let failed = error("echo planted; echo planted >&2; echo 'the session has expired, sign in' >&2; exit 3").await;
    assert_eq!(failed.kind(), ErrorKind::Authentication);
    assert_eq!(failed.message(), "it failed (exit status: 3): the session has expired, sign in");
    let wordy = error("head -c 300000 /dev/zero | tr '\\0' x >&2; echo the end >&2; exit 1").await;
    assert!(wordy.message().ends_with("xxxthe end") && wordy.message().len() < 2100, "{}", wordy.message().len());
}

#[tokio::test]
async fn what_is_printed_has_to_be_keys() {
    let document = |fields: &str| format!("echo '{{{fields}}}'");
    for (script, why) in [
        ("echo planted", "it prints no JSON document of keys (line 1, column 1)"),
        ("true", "it prints no JSON document of keys (line 1, column 0)"),
        (&document(r#""AccessKeyId":"planted""#), "the Version of what it prints is none, and not 1"),
        (&document(r#""Version":2"#), "the Version of what it prints is 2, and not 1"),
        (&document(r#""Version":1,"AccessKeyId":["planted"]"#), "it prints no JSON document of keys"),
        (&document(r#""Version":1,"SecretAccessKey":"planted""#), "it prints no AccessKeyId"),
        (&document(r#""Version":1,"AccessKeyId":"A""#), "it prints no SecretAccessKey"),
        (&keys(r#",\"Expiration\":\"tomorrow\""#), "its Expiration is no time"),
        (&keys(r#",\"Expiration\":\"2020-01-01T00:00:00Z\""#), "it gave keys that have ended already"),
    ] {
        let error = error(script).await;
        assert!(error.message().starts_with(why), "{error}");
        assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
    }
    let started = Instant::now();
    let endless = error("while :; do echo planted; done").await;
    assert_eq!(endless.kind(), ErrorKind::LimitExceeded);
    assert!(
        endless.message().contains("more than 65536 bytes") && started.elapsed() < Duration::from_secs(20),
        "{endless}"
    );
}

#[tokio::test]
async fn a_program_that_is_not_there_is_named() {
    let files = Scratch::new("process");
    let config = files.path().join("config");
    std::fs::write(&config, "[default]\ncredential_process = /nowhere/print planted\n").unwrap();
    let profile = ProfileFiles::new("/nowhere", config).profile("default").unwrap().unwrap();
    let error = ask(&Bedrock::profile(&profile).unwrap()).await.unwrap_err();
    assert_eq!((error.kind(), error.fact("program")), (ErrorKind::Config, Some("/nowhere/print")), "{error}");
    assert!(!format!("{error:?}").contains("planted"), "{error:?}");
}
