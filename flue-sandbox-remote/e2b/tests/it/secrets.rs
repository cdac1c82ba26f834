//! Keys, and variables of a workspace: in no error, no description and no log.

use flue_core::{ErrorKind, ExecRequest, OpenRequest, Sandbox};
use flue_sandbox_remote_kit::{Provider, Workspace};
use flue_sandbox_remote_testkit::Fault;
use flue_sandbox_remote_testkit::checks::secret::{PLANTED, absent, log};
use flue_sandbox_remote_testkit::e2b::API_KEY;

use crate::server::Server;

#[tokio::test(flavor = "multi_thread")]
async fn planted_keys_are_nowhere() {
    let log = log();
    let server = Server::start().await;
    let remote = server.remote().workspace(Workspace::per_session().env("TOKEN", PLANTED));
    let wrong = server.with_key(PLANTED);
    let mut shown = format!("{:?} {wrong:?} {wrong:#?} {remote:?}", server.machines());
    server.0.faults().once("GET /v2/sandboxes", Fault::Refuse { status: 503, retry_after: Some(0) });
    let sandbox = remote.create(OpenRequest::new("secrets")).await.unwrap();
    shown.push_str(&format!("{sandbox:?}"));
    // It is there for commands, and in no process's arguments.
    let (start, end) = PLANTED.split_at(PLANTED.len() / 2);
    let command =
        format!("[ \"$TOKEN\" = {start}'{end}' ] && grep -rlsz {start}''{end} /proc/[0-9]*/cmdline; echo done; env");
    let output = sandbox.exec(ExecRequest::new(command)).await.unwrap();
    assert!(output.stdout_text().starts_with("done\n"), "{output:?}");
    assert!(!output.stdout_text().contains(API_KEY), "the machine does not learn the account's key");
    assert!(!server.0.gave_key_away(), "what runs inside is not sent the account's key");
    let refused = [
        wrong.find(&Default::default()).await.unwrap_err(),
        wrong.attach("nothing").await.unwrap_err(),
        wrong.delete("nothing").await.unwrap_err(),
    ];
    for error in refused {
        assert_eq!(error.kind(), ErrorKind::Authentication, "{error:?}");
        shown.push_str(&format!("{error} {error:#} {error:?}"));
    }
    server.0.faults().once("Process/Start", Fault::Cut(10));
    shown.push_str(&format!("{:?}", sandbox.exec(ExecRequest::new("true")).await.unwrap_err()));
    assert!(server.0.die(sandbox.machine()));
    shown.push_str(&format!("{:?}", sandbox.exec(ExecRequest::new("true")).await.unwrap_err()));
    let log = log.with("a request is sent again");
    assert!(!shown.contains(API_KEY) && !log.contains(API_KEY), "{shown} {log}");
    absent([shown.as_str(), log.as_str()]);
}
