//! Keys, and variables of a workspace: in no error, no description and no log.

use flue_core::{ExecRequest, OpenRequest, Sandbox};
use flue_sandbox_remote_cloudflare::Cloudflare;
use flue_sandbox_remote_kit::{Provider, Workspace};
use flue_sandbox_remote_testkit::Fault;
use flue_sandbox_remote_testkit::checks::secret::{PLANTED, absent, log};
use flue_sandbox_remote_testkit::cloudflare::API_KEY;

use crate::bridge::{bridge, home};

#[tokio::test(flavor = "multi_thread")]
async fn planted_keys_are_nowhere() {
    let Some(bridge) = bridge("secrets::planted_keys_are_nowhere").await else { return };
    let log = log();
    let containers = bridge.containers();
    let remote = bridge.remote().workspace(Workspace::per_session().env("TOKEN", PLANTED));
    let mut shown = format!("{containers:?} {containers:#?} {remote:?}");
    let sandbox = remote.create(OpenRequest::new("secrets")).await.unwrap();
    shown.push_str(&format!("{sandbox:?}"));
    let output = sandbox.exec(ExecRequest::new("printf %s \"$TOKEN\" | wc -c")).await.unwrap();
    assert_eq!(output.stdout_text().trim(), PLANTED.len().to_string());
    bridge.0.faults().once("api/write", Fault::Refuse { status: 500, retry_after: None });
    sandbox.fs().write(&sandbox.info().cwd.join("file").unwrap(), vec![b'x'; 100 << 10].into()).await.unwrap();
    bridge.0.faults().once("api/execute/stream", Fault::Cut(10));
    shown.push_str(&format!("{:?}", sandbox.exec(ExecRequest::new("true")).await.unwrap_err()));
    // The key as the id: what is sent back is blanked.
    let wrong = bridge.with_key(PLANTED);
    for error in [wrong.attach("aaaa").await.unwrap_err(), wrong.attach(PLANTED).await.unwrap_err()] {
        shown.push_str(&format!("{error} {error:#} {error:?}"));
    }
    let odd = Cloudflare::new(bridge.0.url(), format!("{PLANTED}\nmore")).unwrap_err();
    let with_password = Cloudflare::new(&format!("http://user:{PLANTED}@127.0.0.1:1"), "a-key-of-it").unwrap();
    shown.push_str(&format!("{odd:?} {with_password:?} {:?}", with_password.attach("aaaa").await.unwrap_err()));
    let place = home(&sandbox).await;
    assert!(bridge.0.die(&place));
    shown.push_str(&format!("{:?}", sandbox.exec(ExecRequest::new("true")).await.unwrap_err()));
    let log = log.with("a request is sent again");
    absent([shown.as_str(), log.as_str()]);
    assert!(!shown.contains(API_KEY) && !log.contains(API_KEY), "{shown} {log}");
}
