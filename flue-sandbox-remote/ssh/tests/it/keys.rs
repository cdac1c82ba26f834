//! Who is there, and who we are: keys of hosts and users, and what is never shown.

use flue_core::{ErrorKind, ExecRequest, OpenRequest, Sandbox};
use flue_sandbox_remote_kit::{Remote, Workspace};
use flue_sandbox_remote_ssh::{Ssh, Target};

use crate::agent::Agent;
use crate::server::{Server, server};

pub(crate) async fn refusal(server: &Server, target: Target) -> String {
    let remote = Remote::new(Ssh::beneath(target, server.work("keys")));
    let error = remote.create(OpenRequest::new("keys")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Authentication, "{error:?}");
    let shown = format!("{error:?} {error:#} {remote:?}");
    assert_no_secret(server, &shown);
    shown
}

/// Fails if `shown` has a line of a private key in it, or the passphrase of one.
fn assert_no_secret(server: &Server, shown: &str) {
    for file in ["id", "other", "locked", "host"] {
        let key = std::fs::read_to_string(server.file(file)).unwrap();
        for line in key.lines().filter(|line| !line.starts_with("-----")) {
            assert!(!shown.contains(line), "a line of the key `{file}` is shown");
        }
    }
    assert!(!shown.contains("planted"), "{shown}");
}

#[tokio::test]
async fn an_unknown_host_is_refused_and_says_what_to_do() {
    let Some(server) = server("an unknown host") else { return };
    let mut target = server.target();
    target.known_hosts = Some(vec![server.file("no_hosts")]);
    let said = refusal(server, target).await;
    assert!(said.contains("not known") && said.contains("ssh-keyscan -p") && said.contains("SHA256:"), "{said}");
}

#[tokio::test]
async fn a_host_with_another_key_is_refused() {
    let Some(server) = server("a changed host key") else { return };
    let mut target = server.target();
    target.known_hosts = Some(vec![server.file("changed_hosts")]);
    let said = refusal(server, target).await;
    assert!(said.contains("not the one in known_hosts"), "{said}");
}

#[tokio::test]
async fn keys_that_do_not_open_say_why() {
    let Some(server) = server("user keys") else { return };
    for (file, expected) in [
        ("other", "accepts no key"),
        ("locked", "ssh-add"),
        ("absent", "cannot be read"),
        ("config", "not a private key"),
        ("id.pub", "its other half"),
        ("rsa-PEM-locked", "ssh-add"),
        ("rsa-PKCS8-locked", "ssh-add"),
        ("small", "2048 to 4096 bits"),
    ] {
        let mut target = server.target();
        target.identities = Some(vec![server.file(file)]);
        let said = refusal(server, target).await;
        assert!(said.contains(expected), "{file}: {said}");
    }
}

pub(crate) async fn is_let_in(server: &Server, target: Target) -> bool {
    let remote = Remote::new(Ssh::beneath(target, server.work("keys")));
    let sandbox = remote.create(OpenRequest::new("keys")).await.unwrap();
    let output = sandbox.exec(ExecRequest::new("echo in")).await.unwrap();
    sandbox.close().await.unwrap();
    output.stdout_text() == "in\n"
}

#[tokio::test]
async fn rsa_keys_open_in_every_form() {
    let Some(server) = server("RSA keys") else { return };
    for file in ["rsa", "rsa-PEM", "rsa-PKCS8"] {
        let mut target = server.target();
        target.identities = Some(vec![server.file(file)]);
        assert!(is_let_in(server, target).await, "{file}");
    }
}

#[tokio::test]
async fn a_key_that_does_not_open_is_followed_by_the_next() {
    let Some(server) = server("several keys") else { return };
    let mut target = server.target();
    target.identities = Some(["absent", "other", "locked", "rsa"].map(|file| server.file(file)).into());
    assert!(is_let_in(server, target).await);
}

#[tokio::test]
async fn an_agent_signs_for_keys_that_are_locked() {
    let Some(server) = server("an agent") else { return };
    let agent = Agent::start(server);
    for (file, held) in [("rsa-PEM-locked", "rsa"), ("locked", "locked-open"), ("rsa.pub", "rsa")] {
        agent.add(&server.file(held));
        let mut target = server.target();
        target.identities = Some(vec![server.file(file)]);
        target.agent = agent.named();
        assert!(is_let_in(server, target).await, "{file}");
    }
    // Without a name of any: what the agent holds.
    let mut target = server.target();
    (target.identities, target.identities_only, target.agent) = (None, false, agent.named());
    assert!(is_let_in(server, target).await);
    // What it holds besides is nobody's business where only the named ones count.
    let mut target = server.target();
    (target.identities, target.agent) = (Some(vec![server.file("other")]), agent.named());
    assert!(refusal(server, target).await.contains("accepts no key"));
}

#[tokio::test]
async fn a_login_shell_of_any_kind_will_do() {
    let Some(server) = server("another shell") else { return };
    if std::process::Command::new("python3").arg("-V").output().is_err() {
        return flue_core_testkit::skip("keys::a_login_shell_of_any_kind_will_do", "no python3, which plays the shell");
    }
    let mut target = server.target();
    target.identities = Some(vec![server.file("plain")]);
    assert!(is_let_in(server, target).await);
}

#[tokio::test]
async fn nobody_there_is_unavailable() {
    let Some(server) = server("a closed port") else { return };
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut target = server.target();
    target.port = Some(listener.local_addr().unwrap().port());
    drop(listener);
    let error = Remote::new(Ssh::beneath(target, server.work("keys"))).create(OpenRequest::new("x")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn variables_reach_commands_and_nothing_else() {
    const VALUE: &str = "planted-token-7f3a";
    let Some(server) = server("secrets") else { return };
    let remote = server.remote("secrets").workspace(Workspace::per_session().env("TOKEN", VALUE));
    let sandbox = remote.create(OpenRequest::new("secrets")).await.unwrap();
    // Of every process of this machine, the test's own among them, none has it among its arguments.
    let look = "printf %s \"$TOKEN\"; cat /proc/[0-9]*/cmdline 2>/dev/null | grep -ac planted-tok[e]n-7f3a";
    let output = sandbox.exec(ExecRequest::new(look)).await.unwrap();
    assert_eq!(output.stdout_text(), format!("{VALUE}0\n"));
    let failed = sandbox.exec(ExecRequest::new("true").with_env("BAD-NAME", VALUE)).await.unwrap_err();
    let missing = sandbox.exec(ExecRequest::new("true").with_cwd(server.work("nowhere"))).await.unwrap_err();
    let shown = format!("{remote:?} {sandbox:?} {:?} {failed:?} {missing:?} {output:?}", sandbox.info());
    assert_no_secret(server, &shown);
    let log = std::fs::read_to_string(server.file("log")).unwrap();
    assert!(!log.contains(VALUE));
    sandbox.close().await.unwrap();
}
