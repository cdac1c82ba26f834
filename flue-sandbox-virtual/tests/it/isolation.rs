//! Nothing of the host shows inside.

use std::process::Command;

use flue_core::{ErrorKind, Sandbox, SandboxPath};

use crate::support::{fresh, run};

/// What is planted on the host; nothing of it may appear inside.
const PLANTED: &str = "planted-7d1f3b";

/// Runs in a process of its own, so that it can have an environment of its own.
#[test]
fn no_file_process_or_variable_of_the_host_is_visible() {
    let host_file = std::env::temp_dir().join(format!("flue-{PLANTED}-{}", std::process::id()));
    std::fs::write(&host_file, PLANTED).unwrap();
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "isolation::look_around", "--nocapture"])
        .env("FLUE_PLANTED", PLANTED)
        .env("FLUE_PLANTED_FILE", &host_file)
        .env("HTTP_PROXY", format!("http://{PLANTED}"))
        .output()
        .unwrap();
    std::fs::remove_file(&host_file).unwrap();
    let text = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success(), "{text}{}", String::from_utf8_lossy(&child.stderr));
    assert!(text.contains("looked around"), "the child did not run: {text}");
}

#[tokio::test]
async fn look_around() {
    // Without the plant, the test above has not started this; what is left is to look for the real environment.
    let planted_file = std::env::var("FLUE_PLANTED_FILE").unwrap_or_else(|_| env!("CARGO_MANIFEST_DIR").to_owned());
    let sandbox = fresh().await;
    let exe = std::env::current_exe().unwrap();
    let script = format!(
        "env; export -p; declare -p; set; cat /proc/self/environ /proc/*/environ /proc/*/cmdline; ps; ps aux; pgrep .; \
         cat '{planted_file}'; ls '{planted_file}'; ls '{}'; cat '{}' | head -c 10; ls -la / /tmp /root /home /proc /etc; \
         cat /etc/passwd /etc/shadow /etc/hosts /etc/hostname /proc/mounts; find / -name '*planted*'; \
         curl http://127.0.0.1/; wget -O - http://127.0.0.1/; cat < /dev/tcp/127.0.0.1/22; uname -a; pwd -P; echo ~root",
        env!("CARGO_MANIFEST_DIR"),
        exe.display(),
    );
    let output = run(&sandbox, &script).await;
    // What the script itself says is not what it found.
    let seen = format!("{}{}", output.stdout_text(), output.stderr_text()).replace(&planted_file, "FILE");
    assert!(!seen.contains(PLANTED), "{seen}");
    for name in ["CARGO", "FLUE_PLANTED", "RUST", "HTTP_PROXY"] {
        assert!(!seen.contains(&format!("{name}=")) && !seen.contains(&format!("{name}_")), "{name}: {seen}");
    }
    let host_users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    assert!(!host_users.contains("root:x:0:0") || !seen.contains("root:x:0:0"), "{seen}");

    let path = SandboxPath::new(&planted_file).unwrap();
    assert_eq!(sandbox.fs().read(&path).await.unwrap_err().kind(), ErrorKind::NotFound);
    println!("looked around");
}
