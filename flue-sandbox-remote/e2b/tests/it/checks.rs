//! What every adapter must pass.

use flue_core::Sandbox as _;
use flue_sandbox_remote_testkit::checks::{load, odd, stop};

use crate::server::Server;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_given_up_ends_with_all_that_it_started() {
    let server = Server::start().await;
    let sandbox = server.open("stop").await;
    stop::cancelling(&*sandbox).await;
    stop::time_limit(&*sandbox).await;
    stop::dropping(&*sandbox).await;
    stop::closing(&*sandbox).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_names_and_bytes_stay_what_they_are() {
    let server = Server::start().await;
    let sandbox = server.open("odd").await;
    odd::names(&*sandbox).await;
    odd::bytes(&*sandbox).await;
    sandbox.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn much_at_a_time() {
    let server = Server::start().await;
    let sandbox = server.open("load").await;
    load::twelve_commands(&*sandbox).await;
    println!("100 MiB: {}", load::a_large_file(&*sandbox).await);
    sandbox.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_small_files_are_written_listed_and_found() {
    let server = Server::start().await;
    let sandbox = server.open("many").await;
    println!("10,000 files: {}", load::many_files(&*sandbox).await);
    sandbox.close().await.unwrap();
}
