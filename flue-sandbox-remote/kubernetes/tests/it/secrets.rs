//! Tokens, and variables of a workspace: in no error, no description, no log and no address of a request.

use flue_core::{ErrorKind, ExecRequest, OpenRequest, Sandbox};
use flue_sandbox_remote_kit::{Provider, Workspace};
use flue_sandbox_remote_kubernetes::Kubernetes;
use flue_sandbox_remote_testkit::Fault;
use flue_sandbox_remote_testkit::checks::secret::{PLANTED, absent, log};
use flue_sandbox_remote_testkit::kubernetes::{NAMESPACE, TOKEN};

use crate::server::Server;

#[tokio::test(flavor = "multi_thread")]
async fn planted_keys_are_nowhere() {
    let log = log();
    let server = Server::start().await;
    let wrong = server.pool().server(server.0.url(), PLANTED).namespace(NAMESPACE);
    let nowhere = Kubernetes::pool("p").server("http://127.0.0.1:1", PLANTED).namespace("n");
    let bad = Kubernetes::pool("p").server("http://bad host", PLANTED).namespace("n");
    let mut shown = format!("{:?} {wrong:?} {wrong:#?} {nowhere:?} {bad:?}", server.pool());
    for (machines, kind) in
        [(wrong, ErrorKind::Authentication), (nowhere, ErrorKind::Unavailable), (bad, ErrorKind::Config)]
    {
        for error in [machines.find(&Default::default()).await.unwrap_err(), machines.attach("x").await.unwrap_err()] {
            assert_eq!(error.kind(), kind, "{error:?}");
            shown.push_str(&format!("{error} {error:#} {error:?}"));
        }
        shown.push_str(&format!("{machines:?}"));
    }
    let remote = server.remote().workspace(Workspace::per_session().env("TOKEN", PLANTED));
    let sandbox = remote.create(OpenRequest::new("secrets")).await.unwrap();
    shown.push_str(&format!("{remote:?} {sandbox:?}"));
    // The variable, the command and a file's content: the cluster's client logs the address of each request.
    let command = format!("[ \"$TOKEN\" = {PLANTED} ] && echo it");
    assert_eq!(sandbox.exec(ExecRequest::new(command)).await.unwrap().stdout_text(), "it\n");
    let file = sandbox.info().cwd.join("file").unwrap();
    sandbox.fs().write(&file, PLANTED.into()).await.unwrap();
    assert_eq!(sandbox.fs().read(&file).await.unwrap(), PLANTED);
    server.0.faults().once("/exec", Fault::Cut(3));
    shown.push_str(&format!("{:?}", sandbox.exec(ExecRequest::new("true")).await.unwrap_err()));
    assert!(server.0.die(&server.pod(&sandbox)));
    shown.push_str(&format!("{:?}", sandbox.exec(ExecRequest::new("true")).await.unwrap_err()));
    let log = log.with("/exec?");
    assert!(!shown.contains(TOKEN) && !log.contains(TOKEN), "{shown} {log}");
    absent([shown.as_str(), log.as_str()]);
}
