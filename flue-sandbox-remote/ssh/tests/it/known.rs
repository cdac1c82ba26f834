//! Hosts that are known, by which key: each file of host keys is shown to OpenSSH's client too, which has to think the same.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::keys::{is_let_in, refusal};
use crate::server::{Server, server};

/// A line that knows the server as `names` by the key in `file`.
fn line(server: &Server, names: &str, file: &str) -> String {
    let key = std::fs::read_to_string(server.file(file)).unwrap();
    let key: Vec<&str> = key.split_whitespace().take(2).collect();
    format!("{names} {}\n", key.join(" "))
}

/// Whether OpenSSH's client connects with that file.
fn ssh_connects(server: &Server, file: &Path) -> bool {
    let mut command = Command::new("ssh");
    command.args([
        "-F",
        "none",
        "-o",
        "BatchMode=yes",
        "-o",
        "StrictHostKeyChecking=yes",
        "-o",
        "GlobalKnownHostsFile=none",
    ]);
    command.args(["-o", "UpdateHostKeys=no", "-o", "IdentitiesOnly=yes"]);
    command.arg("-o").arg(format!("UserKnownHostsFile={}", file.display())).arg("-i").arg(server.file("id"));
    command.args(["-p", &server.port.to_string(), "127.0.0.1", "true"]);
    command.stdin(Stdio::null()).output().unwrap().status.success()
}

#[tokio::test]
async fn a_host_is_known_as_openssh_knows_it() {
    let Some(server) = server("files of host keys") else { return };
    let here = format!("[127.0.0.1]:{}", server.port);
    let one = |names: &str, file: &str| line(server, names, file);
    let cases = [
        // By another kind of key than the best: that one is asked for.
        ("ecdsa", one(&here, "host_ecdsa.pub"), None),
        ("several names", one(&format!("a.example,{here}"), "host.pub"), None),
        ("wildcard", one(&format!("[127.0.0.?]:{}", server.port), "host.pub"), None),
        ("taken out", one(&format!("[127.0.0.*]:{},!{here}", server.port), "host.pub"), Some("is not known")),
        ("without port", one("127.0.0.1", "host.pub"), None),
        ("another without port", one("127.0.0.1", "other.pub"), Some("is not known")),
        (
            "another here and this without port",
            one("127.0.0.1", "host.pub") + &one(&here, "other.pub"),
            Some("not the one in known_hosts"),
        ),
        ("another port", one("[127.0.0.1]:1", "host.pub"), Some("is not known")),
        ("tabs", one(&here, "host.pub").replace(' ', "\t"), None),
        ("comment", format!("#{}", one(&here, "host.pub")), Some("is not known")),
        ("broken line first", format!("{here} ssh-ed25519 AAAA\n{}", one(&here, "host.pub")), None),
        ("changed", one(&here, "other.pub"), Some("not the one in known_hosts")),
        ("old and new", one(&here, "other.pub") + &one(&here, "host.pub"), None),
        ("revoked", one(&here, "host.pub") + &one("@revoked *", "host.pub"), Some("@revoked")),
        ("another revoked", one(&here, "host.pub") + &one(&format!("@revoked\t{here}"), "other.pub"), None),
        ("authority", one(&format!("@cert-authority {here}"), "ca.pub"), Some("@cert-authority")),
    ];
    for (name, text, expected) in cases {
        let file = server.file(&format!("hosts-{}", name.replace(' ', "-")));
        std::fs::write(&file, text).unwrap();
        let mut target = server.target();
        target.known_hosts = Some(vec![file.clone()]);
        assert_eq!(ssh_connects(server, &file), expected.is_none(), "OpenSSH's client, {name}");
        match expected {
            None => assert!(is_let_in(server, target).await, "{name}"),
            Some(expected) => {
                let said = refusal(server, target).await;
                assert!(said.contains(expected), "{name}: {said}");
            }
        }
    }
}

#[tokio::test]
async fn a_hashed_name_is_known() {
    let Some(server) = server("hashed names") else { return };
    let file = server.file("hosts-hashed");
    std::fs::write(&file, line(server, &format!("[127.0.0.1]:{}", server.port), "host.pub")).unwrap();
    let hashed = Command::new("ssh-keygen").arg("-q").arg("-H").arg("-f").arg(&file).output().unwrap();
    assert!(hashed.status.success() && std::fs::read_to_string(&file).unwrap().starts_with("|1|"));
    let mut target = server.target();
    target.known_hosts = Some(vec![file]);
    assert!(is_let_in(server, target).await);
}

#[tokio::test]
async fn a_host_known_by_another_kind_of_key_says_which() {
    let Some(server) = server("another kind of key") else { return };
    let here = format!("[127.0.0.1]:{}", server.port);
    let file = server.file("hosts-rsa");
    std::fs::write(&file, line(server, &here, "host_rsa.pub")).unwrap();
    let mut target = server.target();
    target.known_hosts = Some(vec![file]);
    let said = refusal(server, target).await;
    assert!(said.contains("another kind (ssh-rsa)") && said.contains("ssh-keyscan -p"), "{said}");
}

#[tokio::test]
async fn several_files_count_and_one_that_is_no_file_is_an_error() {
    let Some(server) = server("several files of host keys") else { return };
    let mut target = server.target();
    target.known_hosts = Some(vec![server.file("absent"), server.file("no_hosts"), server.file("known_hosts")]);
    assert!(is_let_in(server, target.clone()).await);
    // It could revoke the key.
    target.known_hosts = Some(vec![server.file("known_hosts"), server.file("work")]);
    let remote = flue_sandbox_remote_kit::Remote::new(flue_sandbox_remote_ssh::Ssh::at(target, server.work("keys")));
    let error = remote.create(flue_core::OpenRequest::new("keys")).await.unwrap_err();
    assert_eq!(error.kind(), flue_core::ErrorKind::Config, "{error:?}");
}

#[tokio::test]
async fn an_alias_is_the_name_that_counts() {
    let Some(server) = server("an alias") else { return };
    let file = server.file("hosts-alias");
    std::fs::write(&file, line(server, "box", "host.pub")).unwrap();
    let mut target = server.target();
    (target.known_hosts, target.host_key_alias) = (Some(vec![file]), Some("box".to_owned()));
    assert!(is_let_in(server, target.clone()).await);
    target.known_hosts = Some(vec![server.file("known_hosts")]);
    assert!(refusal(server, target).await.contains("is not known"));
}

/// A server that ends with its test.
struct Other(Child);

impl Drop for Other {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn a_host_without_a_key_that_is_checked_says_what_it_offers() {
    let Some(server) = server("only an RSA key") else { return };
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let config = std::fs::read_to_string(server.file("config")).unwrap();
    let keeps = |line: &&str| !["HostKey", "Port", "PidFile"].iter().any(|word| line.starts_with(word));
    let mut config: String = config.lines().filter(keeps).map(|line| format!("{line}\n")).collect();
    config += &format!("Port {port}\nHostKey {}\nPidFile none\n", server.file("host_rsa").display());
    std::fs::write(server.file("config-rsa"), config).unwrap();
    let program = ["/usr/sbin/sshd", "/usr/bin/sshd"].into_iter().find(|path| Path::new(path).exists()).unwrap();
    let process = Command::new(program).args(["-D", "-f"]).arg(server.file("config-rsa")).spawn().unwrap();
    let _other = Other(process);
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let mut target = server.target();
    target.port = Some(port);
    let said = refusal(server, target).await;
    assert!(said.contains("no key of a kind that is checked here") && said.contains("rsa-sha2-512"), "{said}");
}
