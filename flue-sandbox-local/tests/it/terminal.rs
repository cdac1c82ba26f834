//! A program with a controlling terminal, which commands must not read from or stop at.

use std::process::Command;
use std::time::Duration;

use flue_core::{ExecEnd, ExecRequest, Sandbox};

use crate::alone::is_alone;
use crate::skip::has_programs;
use crate::temp::Temp;

fn with_terminal(exe: &std::path::Path, args: &[&str]) -> Command {
    let mut command = Command::new("script");
    command.args(["-qec", &format!("{} {}", exe.display(), args.join(" ")), "/dev/null"]);
    command
}

#[cfg(target_os = "linux")]
#[test]
fn a_confined_command_has_none_either() {
    if !has_programs(&["script"]) || !crate::machine::confines() {
        return;
    }
    if !is_alone("terminal::a_confined_command_has_none_either", with_terminal) {
        return;
    }
    assert!(std::fs::File::open("/dev/tty").is_ok(), "the test has no terminal");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let temp = Temp::new();
        let sandbox = crate::confined::confined(temp.path(), crate::confined::policy()).await;
        let ask = "(read -r answer < /dev/tty) 2>&1; (echo x > /dev/tty) 2>&1; echo done";
        let output = sandbox.exec(ExecRequest::new(ask).with_timeout(Duration::from_secs(5))).await.unwrap();
        let said = output.stdout_text();
        assert!(said.ends_with("done\n") && said.matches("No such device or address").count() == 2, "{said}");
    });
}

#[test]
fn a_command_has_no_terminal_to_wait_at() {
    if !has_programs(&["script", "ps", "setsid"]) {
        return;
    }
    if !is_alone("terminal::a_command_has_no_terminal_to_wait_at", with_terminal) {
        return;
    }
    assert!(std::fs::File::open("/dev/tty").is_ok(), "the test has no terminal");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let temp = Temp::new();
        let sandbox = temp.open().await;
        let ask = "read -r answer < /dev/tty && echo answered; echo $$; ps -o sid= -p $$";
        let output = sandbox.exec(ExecRequest::new(ask).with_timeout(Duration::from_secs(5))).await.unwrap();
        assert_eq!(output.end, ExecEnd::Exited(0), "{output:?}");
        let said = output.stdout_text();
        let said: Vec<&str> = said.split_whitespace().collect();
        assert!(said.len() == 2 && said[0] == said[1], "not a session of its own: {said:?}");
        let endless = ExecRequest::new("sleep 60 & sleep 60").with_timeout(Duration::from_millis(200));
        assert_eq!(sandbox.exec(endless).await.unwrap().end, ExecEnd::TimedOut);
    });
}
