//! Keys, and variables of a workspace: in no error, no description and no log.

use flue_core::{ExecRequest, OpenRequest, Sandbox};
use flue_sandbox_remote_daytona::Daytona;
use flue_sandbox_remote_kit::{Provider, Remote, Workspace};
use flue_sandbox_remote_testkit::Fault;
use flue_sandbox_remote_testkit::checks::secret::{PLANTED, absent, log};
use flue_sandbox_remote_testkit::daytona::API_KEY;

use crate::server::Server;

#[tokio::test(flavor = "multi_thread")]
async fn planted_keys_are_nowhere() {
    let log = log();
    let server = Server::start().await;
    let daytona = server.daytona();
    let remote = Remote::new(daytona.clone()).workspace(Workspace::per_session().env("TOKEN", PLANTED));
    let mut shown = format!("{daytona:?} {daytona:#?} {remote:?}");
    server.faults().once("GET /api/sandbox", Fault::Refuse { status: 503, retry_after: Some(0) });
    let sandbox = remote.create(OpenRequest::new("secrets")).await.unwrap();
    shown.push_str(&format!("{sandbox:?}"));
    // It is there for commands, and in no process's arguments.
    let (start, end) = PLANTED.split_at(PLANTED.len() / 2);
    let command =
        format!("[ \"$TOKEN\" = {start}'{end}' ] && grep -rlsz {start}''{end} /proc/[0-9]*/cmdline; echo done");
    let output = sandbox.exec(ExecRequest::new(command)).await.unwrap();
    assert_eq!(output.stdout_text(), "done\n");
    server.faults().once("/process/execute", Fault::Cut(10));
    shown.push_str(&format!("{:?}", sandbox.exec(ExecRequest::new("true")).await.unwrap_err()));
    let wrong = Daytona::new(PLANTED).unwrap().address(&server.0.api_url()).unwrap();
    shown.push_str(&format!("{wrong:?} {:?}", wrong.attach("x").await.unwrap_err()));
    shown.push_str(&format!("{:?}", Daytona::new(format!("{PLANTED}\nmore")).unwrap_err()));
    shown.push_str(&format!(
        "{:?}",
        daytona.clone().address(&format!("https://user:{PLANTED}@127.0.0.1:1/api")).unwrap()
    ));
    assert!(server.0.die(sandbox.machine()));
    shown.push_str(&format!("{:?}", sandbox.exec(ExecRequest::new("true")).await.unwrap_err()));
    let log = log.with("a request is sent again");
    for text in [&shown, &log] {
        assert!(!text.contains(API_KEY), "the key shows: {text}");
    }
    absent([&*shown, &*log]);
}
