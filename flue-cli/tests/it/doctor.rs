//! `flue doctor`: what this machine can have.

use serde_json::Value;

use crate::support::Place;

#[test]
fn every_kind_is_tried_and_every_mechanism_named() {
    let done = Place::new().flue(["doctor", "--json"]).run().code(0);
    let findings: Value = serde_json::from_str(&done.stdout).unwrap();
    let kind = |name: &str| {
        let sandboxes = findings["sandboxes"].as_array().unwrap();
        sandboxes.iter().find(|found| found["sandbox"] == name).unwrap_or_else(|| panic!("{name}: {findings}"))
    };
    // These ask nothing of the machine.
    for name in ["virtual", "local"] {
        assert_eq!(kind(name)["works"], true, "{findings}");
        assert!(kind(name)["notes"].as_array().is_some_and(|notes| !notes.is_empty()));
    }
    for name in ["virtual:contained", "local:confined", "local:overlay"] {
        assert_eq!(kind(name)["works"] == true, kind(name)["error"].is_null(), "{findings}");
    }
    // No key is set, so that no provider is asked but an engine on this machine.
    let remotes: Vec<(&str, bool)> = findings["remotes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|found| {
            assert_eq!(found["answers"] == true, found["error"].is_null(), "{findings}");
            (found["sandbox"].as_str().unwrap(), found["answers"] == true)
        })
        .collect();
    for unset in ["cloudflare", "daytona[:SNAPSHOT]", "e2b[:TEMPLATE]"] {
        assert!(remotes.contains(&(unset, false)), "{unset}: {findings}");
    }
    assert!(remotes.iter().any(|(name, _)| *name == "docker:IMAGE"), "{findings}");
    let mechanisms: Vec<&str> =
        findings["mechanisms"].as_array().unwrap().iter().map(|found| found["mechanism"].as_str().unwrap()).collect();
    assert_eq!(mechanisms, ["namespaces", "Landlock", "seccomp", "the limit of processes"]);
}

#[test]
fn the_text_says_the_same_and_fits_the_terminal() {
    let done = Place::new().flue(["doctor"]).run().code(0);
    for name in ["virtual ", "virtual:contained ", "local ", "local:confined ", "local:overlay ", "Landlock "] {
        assert!(done.stdout.lines().any(|line| line.starts_with(name)), "{name}: {}", done.stdout);
    }
    assert!(done.stdout.lines().all(|line| line.chars().count() <= 80), "{}", done.stdout);
}
