//! The completions, as a shell runs them.

use std::process::Command;

/// What bash offers for the words typed so far.
fn offered(words: &[&str]) -> String {
    let script = r#"
        source "$1"; shift
        COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
        _flue "$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
        printf '%s\n' "${COMPREPLY[@]}""#;
    let completions = concat!(env!("CARGO_MANIFEST_DIR"), "/completions/flue.bash");
    let output = Command::new("bash").args(["-c", script, "bash", completions]).args(words).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn bash_offers_commands_and_flags() {
    assert_eq!(offered(&["flue", "do"]).trim(), "doctor");
    assert_eq!(offered(&["flue", "exec", "--sta"]).trim(), "--stage");
    assert!(offered(&["flue", "run", "--"]).lines().any(|flag| flag == "--model"));
}
