//! What is given up ends: the daemon ends nothing of a client that goes away, and at its own time limit one group of processes.

use flue_sandbox_remote_testkit::checks::stop;

use crate::server::Server;

#[tokio::test(flavor = "multi_thread")]
async fn cancelling_kills_the_whole_family() {
    let server = Server::start().await;
    stop::cancelling(&*server.open().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_limit_kills_the_whole_family() {
    let server = Server::start().await;
    stop::time_limit(&*server.open().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dropping_and_closing_kill_the_whole_family() {
    let server = Server::start().await;
    let sandbox = server.open().await;
    stop::dropping(&*sandbox).await;
    stop::closing(&*sandbox).await;
}
