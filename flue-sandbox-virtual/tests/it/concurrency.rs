//! Many at a time.

use std::sync::Arc;

use flue_core::{ExecRequest, OpenRequest, Sandbox};
use flue_sandbox_virtual::{Virtual, VirtualLimits};
use tokio::task::JoinSet;

use crate::support::{fresh, open, run, said};

#[tokio::test]
async fn many_commands_share_one_sandbox() {
    let sandbox = fresh().await;
    let mut runs = JoinSet::new();
    for index in 0..16 {
        let sandbox = Arc::clone(&sandbox);
        runs.spawn(async move {
            let script = format!(
                "x={index}; cd /tmp; for i in {{1..50}}; do echo $x >> /workspace/log; done; echo $x > own$x; cat own$x"
            );
            assert_eq!(said(&run(&sandbox, &script).await), format!("{index}\n"));
        });
    }
    while let Some(done) = runs.join_next().await {
        done.unwrap();
    }
    assert_eq!(
        said(&run(&sandbox, "wc -l < log; sort -n log | uniq -c | wc -l; ls /tmp | wc -l").await),
        "800\n16\n16\n"
    );
}

#[tokio::test]
async fn many_sandboxes_share_the_threads_and_nothing_else() {
    let factory = Virtual::new().limits(VirtualLimits::default().with_concurrent_execs(4));
    let mut runs = JoinSet::new();
    for index in 0..64 {
        let factory = factory.clone();
        runs.spawn(async move {
            let sandbox = factory.create(OpenRequest::new(index.to_string())).await.unwrap();
            let script = format!("echo {index} > mine; sleep 0.01; cat mine; ls | wc -l");
            assert_eq!(said(&run(&sandbox, &script).await), format!("{index}\n1\n"));
        });
    }
    while let Some(done) = runs.join_next().await {
        done.unwrap();
    }
}

#[tokio::test]
async fn threads_that_were_given_up_are_replaced() {
    let sandbox = open(&Virtual::new().limits(VirtualLimits::default().with_concurrent_execs(2))).await;
    for _ in 0..20 {
        let mut runs = JoinSet::new();
        for _ in 0..4 {
            let sandbox = Arc::clone(&sandbox);
            // Deep enough for the thread to end after it.
            runs.spawn(async move { sandbox.exec(ExecRequest::new(r#"x='eval "$x"'; eval "$x""#)).await.unwrap() });
        }
        while let Some(done) = runs.join_next().await {
            assert_eq!(done.unwrap().exit_code(), 1);
        }
    }
    assert_eq!(said(&run(&sandbox, "echo on").await), "on\n");
}
