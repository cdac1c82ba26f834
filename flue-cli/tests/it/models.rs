//! `flue models`: what can be opened, and what is known of it.

use serde_json::Value;

use crate::support::Place;

const COLUMNS: usize = 80;

fn fits(text: &str) {
    for line in text.lines() {
        assert!(line.chars().count() <= COLUMNS, "{line}");
    }
}

/// The providers of this build.
fn providers(place: &Place) -> Vec<Value> {
    serde_json::from_str(&place.flue(["models", "--json"]).run().code(0).stdout).unwrap()
}

#[test]
fn the_providers_are_listed_with_their_own_variables() {
    let place = Place::new();
    let keys = [("GEMINI_API_KEY", "k"), ("AZURE_OPENAI_AD_TOKEN", "t"), ("CLOUDSDK_AUTH_ACCESS_TOKEN", "t")];
    let listed = keys.iter().fold(place.flue(["models"]), |flue, (name, key)| flue.env(name, key)).run().code(0).stdout;
    fits(&listed);
    for row in [
        "anthropic ANTHROPIC_API_KEY unset ANTHROPIC_BASE_URL",
        "ollama OLLAMA_API_KEY - OLLAMA_HOST",
        "azure AZURE_OPENAI_AD_TOKEN set AZURE_OPENAI_BASE_URL",
        "google GEMINI_API_KEY set GOOGLE_GEMINI_BASE_URL",
        "vertex CLOUDSDK_AUTH_ACCESS_TOKEN set GOOGLE_VERTEX_BASE_URL",
    ] {
        let found = listed.lines().any(|line| line.split_whitespace().eq(row.split(' ')));
        assert!(found, "{row}\n{listed}");
    }
    assert!(listed.contains("vertex also needs GOOGLE_CLOUD_PROJECT."), "{listed}");
    let file = place.flue(["models"]).env("GOOGLE_APPLICATION_CREDENTIALS", "key.json").run().code(0).stdout;
    fits(&file);
    let row = "vertex GOOGLE_APPLICATION_CREDENTIALS set GOOGLE_VERTEX_BASE_URL";
    assert!(file.lines().any(|line| line.split_whitespace().eq(row.split(' '))), "{file}");
}

#[test]
fn what_is_known_of_each_provider_fits_the_terminal_and_is_valid_json() {
    let place = Place::new();
    for provider in providers(&place) {
        let name = provider["provider"].as_str().unwrap();
        let table = place.flue(["models", "--provider", name]).run().code(0).stdout;
        fits(&table);
        let json = place.flue(["models", "--provider", name, "--json"]).run().code(0).stdout;
        let models: Vec<Value> = serde_json::from_str(&json).unwrap();
        assert_eq!(models.is_empty(), table.starts_with("Nothing is known"), "{name}: {table}");
        for model in models {
            let id = model["model"].as_str().unwrap().strip_prefix(name).unwrap().strip_prefix('/').unwrap();
            assert!(table.lines().any(|line| line.split_whitespace().next() == Some(id)), "{name}/{id}\n{table}");
        }
    }
}

#[test]
fn limits_prices_and_levels_are_shown() {
    let place = Place::new();
    let table = place.flue(["models", "-p", "anthropic"]).run().code(0).stdout;
    let row = "claude-haiku-5-5 1M 128k 0.1+ 0.5+ yes off low-max";
    assert!(table.lines().any(|line| line.split_whitespace().eq(row.split(' '))), "{table}");
    let json = place.flue(["models", "-p", "anthropic", "--json"]).run().code(0).stdout;
    let models: Vec<Value> = serde_json::from_str(&json).unwrap();
    let haiku = models.iter().find(|model| model["model"] == "anthropic/claude-haiku-5-5").unwrap();
    assert_eq!(haiku["price"]["tiers"][0]["above"], 100_000);
    assert_eq!(haiku["price"]["tiers"][0]["output"], 2.5);
    assert_eq!(haiku["thinking"], serde_json::json!(["off", "low", "medium", "high", "xhigh", "max"]));
    assert_eq!(haiku["compat"]["adaptive"], true);
}

#[test]
fn a_provider_that_is_not_there_is_a_slip() {
    let done = Place::new().flue(["models", "--provider", "gogle"]).run().code(2);
    assert!(done.stderr.contains("did you mean `google`?"), "{}", done.stderr);
    assert_eq!(done.stdout, "");
}

#[test]
fn new_providers_open_with_the_keys_of_their_own_tools() {
    let place = Place::new();
    let said = |model: &str, variables: &[(&str, &str)]| {
        let flue = place.flue(["run", "-m", "x", "--model", model]);
        variables.iter().fold(flue, |flue, (name, value)| flue.env(name, value)).run()
    };
    assert!(said("google/gemini-2.5-pro", &[]).code(2).stderr.contains("GEMINI_API_KEY, or GOOGLE_API_KEY"));
    assert!(said("vertex/x", &[("GOOGLE_CLOUD_API_KEY", "k")]).code(2).stderr.contains("GOOGLE_CLOUD_PROJECT"));
    let file = ("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere/key.json");
    let missing = said("vertex/x", &[file, ("GOOGLE_CLOUD_PROJECT", "p")]).code(2).stderr;
    assert!(missing.contains("the credentials file cannot be read") && missing.contains(file.0), "{missing}");
    assert!(said("azure/x", &[("AZURE_OPENAI_API_KEY", "k")]).code(2).stderr.contains("AZURE_OPENAI_ENDPOINT"));
    // Nobody listens there: all that was missing before the request is there.
    let here = ("GOOGLE_GEMINI_BASE_URL", "http://127.0.0.1:9");
    let done = said("google/gemini-2.5-pro", &[("GOOGLE_API_KEY", "planted-key"), here]);
    assert!(done.stderr.contains("cannot be reached") && !done.stderr.contains("planted"), "{}", done.stderr);
}

#[test]
fn the_scripts_are_all_there_are_and_say_what_they_do() {
    let table = Place::new().flue(["models", "-p", "scripted"]).run().code(0).stdout;
    assert!(
        table.contains("echo         repeats what the user said\n") && table.contains("There are no others"),
        "{table}"
    );
}

#[cfg(feature = "bedrock-sigv4")]
#[test]
fn profiles_of_aws_are_found_and_one_that_cannot_be_used_says_why() {
    let place = Place::new();
    let home = place.path("home").to_str().unwrap().to_owned();
    let listed = |variables: &[(&str, &str)]| {
        let flue = place.flue(["models"]).env("HOME", &home);
        let text = variables.iter().fold(flue, |flue, (name, value)| flue.env(name, value)).run().code(0).stdout;
        fits(&text);
        text.lines().find(|line| line.starts_with("bedrock")).unwrap().split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let address = "AWS_ENDPOINT_URL_BEDROCK_RUNTIME";
    assert_eq!(listed(&[]), format!("bedrock AWS_BEARER_TOKEN_BEDROCK unset {address}"));
    assert_eq!(listed(&[("AWS_PROFILE", "x")]), format!("bedrock AWS_PROFILE set {address}"));
    let keys = "aws_access_key_id = AKID\naws_secret_access_key = planted\n";
    place.write("home/.aws/credentials", format!("[default]\n{keys}"));
    place.write("home/.aws/config", "[profile sso]\nsso_account_id = 1\n");
    assert_eq!(listed(&[]), format!("bedrock default profile set {address}"));
    let run = place.flue(["run", "-m", "x", "--model", "bedrock/m"]).env("HOME", &home);
    let done = run.env(address, "http://127.0.0.1:9").run();
    assert!(done.stderr.contains("cannot be reached") && !done.stderr.contains("planted"), "{}", done.stderr);
    let run = place.flue(["run", "-m", "x", "--model", "bedrock/m"]).env("HOME", &home);
    let refused = run.env("AWS_PROFILE", "sso").run().code(2).stderr;
    assert!(refused.contains("aws configure export-credentials --profile sso"), "{refused}");
}
