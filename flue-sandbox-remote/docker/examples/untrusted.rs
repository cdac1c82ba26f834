//! Untrusted work: runs a script that nobody has read in a container without network, privileges or much memory, and keeps one
//! file of what it made.
//!
//! `cargo run --example untrusted -- IMAGE SCRIPT RESULT`, as in `… -- debian:12-slim build.sh report.txt`: the script's file
//! here, and the name of the file that it leaves in its directory.
#![expect(clippy::print_stderr, reason = "an example talks to its user")]

#[cfg(unix)]
#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    use std::time::Duration;

    use flue_core::{ExecRequest, OpenRequest, Sandbox};
    use flue_sandbox_remote_docker::Docker;
    use flue_sandbox_remote_kit::{AtClose, NetworkPolicy, Remote, Workspace};

    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [image, script, result] = arguments.as_slice() else { return Err("say IMAGE SCRIPT RESULT".into()) };
    let script = std::fs::read(script)?;
    let workspace = Workspace::per_session()
        .network(NetworkPolicy::None)
        .at_close(AtClose::Delete)
        .time_to_live(Duration::from_secs(3600));
    let docker = Docker::new(image)?.memory(512 << 20).processes(128);
    let id = format!("untrusted-{}", std::process::id());
    let sandbox = Remote::new(docker).workspace(workspace).create(OpenRequest::new(id)).await?;
    let work = async {
        let file = sandbox.info().cwd.join("script.sh")?;
        sandbox.fs().write(&file, script.into()).await?;
        let request = ExecRequest::new("sh script.sh").with_timeout(Duration::from_secs(300));
        let output = sandbox.exec(request).await?;
        eprint!("{}{}", output.stdout_text(), output.stderr_text());
        eprintln!("exit code {}", output.exit_code());
        sandbox.fs().read(&sandbox.info().cwd.join(result)?).await
    };
    let made = work.await;
    // Whatever became of it, the container goes.
    sandbox.close().await?;
    let here = std::path::Path::new(result).file_name().ok_or("the result has no name")?;
    std::fs::write(here, made?)?;
    Ok(())
}

#[cfg(not(unix))]
fn main() {}
