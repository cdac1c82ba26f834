//! What files of ssh_config mean: `ssh -G` says what the real program makes of them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use flue_core::ErrorKind;
use flue_core_testkit::{Scratch, skip};
use flue_sandbox_remote_ssh::{Agent, Target};

use crate::keys::is_let_in;
use crate::server::server;

/// How many files are made up.
const MADE_UP: u64 = 400;

/// What `ssh -G` says, by keyword; nothing if it refuses the file.
fn oracle(file: &Path, host: &str) -> Option<BTreeMap<String, Vec<String>>> {
    let output = Command::new("ssh").arg("-G").arg("-F").arg(file).arg(host).output().unwrap();
    let mut said: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let (key, value) = line.split_once(' ').unwrap_or((line, ""));
        said.entry(key.to_owned()).or_default().push(value.to_owned());
    }
    output.status.success().then_some(said)
}

/// Whether the real program is there.
fn is_there(test: &str) -> bool {
    let there = Command::new("ssh").arg("-V").output().is_ok();
    if !there {
        assert!(std::env::var_os("CI").is_none(), "no ssh; is the package openssh-client installed?");
        skip(test, "no ssh (package openssh-client)");
    }
    there
}

fn home(path: &str) -> PathBuf {
    match path.strip_prefix("~/") {
        Some(rest) => std::env::home_dir().unwrap().join(rest),
        None => path.into(),
    }
}

/// Fails if what is made of the file differs from what the real program makes of it.
fn assert_alike(file: &Path, name: &str) {
    let text = std::fs::read_to_string(file).unwrap();
    let nothing = oracle(Path::new("none"), "nobody").unwrap();
    let (target, _) = Target::parse(&format!("ssh://{name}")).unwrap();
    let ours = target.configured_by([file]);
    let Some(theirs) = oracle(file, name) else {
        assert!(ours.is_err(), "ssh refuses, and we do not: {name}\n{text}");
        return;
    };
    let one = |key: &str| theirs.get(key).map(|values| &*values[0]);
    if let Some(jump) = one("proxyjump").or(one("proxycommand")) {
        let error = ours.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{jump} {name}\n{text}");
        return;
    }
    let ours = ours.unwrap_or_else(|error| panic!("{error:#}\n{name}\n{text}"));
    let about = format!("{name}\n{text}\n{ours:?}");
    assert_eq!(Some(&*ours.host.to_ascii_lowercase()), one("hostname"), "{about}");
    assert_eq!(Some(&*ours.port.unwrap_or(22).to_string()), one("port"), "{about}");
    assert_eq!(ours.user.as_deref().or(Some(&*nothing["user"][0])), one("user"), "{about}");
    assert_eq!(ours.host_key_alias.as_deref(), one("hostkeyalias"), "{about}");
    assert_eq!(if ours.identities_only { "yes" } else { "no" }, one("identitiesonly").unwrap(), "{about}");
    let files: Vec<PathBuf> = theirs["identityfile"].iter().map(|file| home(file)).collect();
    match &ours.identities {
        Some(identities) => assert_eq!(*identities, files, "{about}"),
        None => assert_eq!(theirs["identityfile"], nothing["identityfile"], "{about}"),
    }
    let agent = match &ours.agent {
        Agent::Nobody => Some("none".to_owned()),
        Agent::At(socket) => Some(socket.display().to_string()),
        _ => None,
    };
    assert_eq!(agent.as_deref(), one("identityagent"), "{about}");
    let own = one("userknownhostsfile").unwrap().split(' ').filter(|file| *file != "none");
    let global = one("globalknownhostsfile").unwrap().split(' ').filter(|file| *file != "none");
    let files: Vec<PathBuf> = own.chain(global).map(home).collect();
    match &ours.known_hosts {
        Some(known) => assert_eq!(*known, files, "{about}"),
        None => assert_eq!(
            (one("userknownhostsfile"), one("globalknownhostsfile")),
            {
                let of = |key: &str| Some(&*nothing[key][0]);
                (of("userknownhostsfile"), of("globalknownhostsfile"))
            },
            "{about}"
        ),
    }
}

#[test]
fn files_mean_what_openssh_makes_of_them() {
    if !is_there("config::files_mean_what_openssh_makes_of_them") {
        return;
    }
    let scratch = Scratch::new("ssh-config");
    let included = scratch.path().join("included.d");
    std::fs::create_dir(&included).unwrap();
    std::fs::write(included.join("b.conf"), "Port 2\nHost web\n  Port 3\n  User b\n").unwrap();
    std::fs::write(included.join("a.conf"), "Match host web.example\n  Port 4\nHost *\n HostKeyAlias a\n").unwrap();
    std::fs::write(included.join(".c.conf"), "Port 5\n").unwrap();
    let include = |pattern: &str| format!("Include {}", included.join(pattern).display());
    let files = [
        "HostName web.example\nPort 2222\nUser dev\nIdentityFile ~/.ssh/one\nIdentityFile \"/keys/two words\"\nIdentitiesOnly yes".to_owned(),
        "Host=web\n  hostname = %h.example # said\n\tPORT 2200\nHost !web *\n  Port 1\nHost *\n  User a\n  User b".to_owned(),
        "Match host web.example\n Port 7\nHost web\n HostName web.example\nMatch host web.example user root\n Port 8".to_owned(),
        "Match originalhost web,w* !host other\n Port 9\nMatch localuser nobody\n User n\nMatch all\n HostKeyAlias x".to_owned(),
        "Host web\n HostName other\nMatch final host other\n Port 3\nMatch final all\n User z\nHost other\n Port 4".to_owned(),
        "IdentityFile /a\nMatch final all\n IdentityFile /b".to_owned(),
        "IdentityAgent none\nUserKnownHostsFile /a /b\nGlobalKnownHostsFile /c".to_owned(),
        "IdentityAgent /run/agent\nUserKnownHostsFile none\nStrictHostKeyChecking no".to_owned(),
        "ProxyJump none\nProxyCommand nc a".to_owned(),
        "Host web\n ProxyJump gate".to_owned(),
        "ProxyCommand none\nProxyJump gate".to_owned(),
        "Port 0".to_owned(),
        "HostName \"open".to_owned(),
        "Match host\n Port 1".to_owned(),
        "Match".to_owned(),
        "SendEnv A\nCiphers aes256-gcm@openssh.com\nLocalForward 1 a:2\nPort 6".to_owned(),
        include("*.conf"),
        format!("Host web\n{}\nHost *\n HostKeyAlias late", include("?.conf")),
        format!("Host other\n{}\nHost *\n HostKeyAlias late", include("b.conf")),
        include("absent/*"),
        include("absent"),
    ];
    for (number, text) in files.iter().enumerate() {
        let file = scratch.path().join(number.to_string());
        std::fs::write(&file, text).unwrap();
        for name in ["web", "WEB", "other", "web.example", "root@web"] {
            assert_alike(&file, name);
        }
    }
}

/// Numbers that look random and are the same every time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound
    }

    fn of<'a>(&mut self, list: &[&'a str]) -> &'a str {
        list[self.below(list.len())]
    }
}

#[test]
fn files_that_are_made_up_mean_what_openssh_makes_of_them() {
    if !is_there("config::files_that_are_made_up_mean_what_openssh_makes_of_them") {
        return;
    }
    const PATTERNS: &[&str] = &["web", "w?b", "*", "!web", "db*", "*.example", "!*.example", "web.example"];
    const CONDITIONS: &[&str] = &["host", "originalhost", "user", "localuser", "!host", "!user"];
    const LINES: &[&str] = &[
        "Port 1",
        "Port=2",
        "  port  3",
        "User root",
        "User dev",
        "HostName web.example",
        "HostName %h.example",
        "HostName db",
        "IdentityFile /k/one",
        "IdentityFile '/k/t w o'",
        "IdentityFile ~/three",
        "IdentitiesOnly yes",
        "IdentitiesOnly no",
        "HostKeyAlias a",
        "UserKnownHostsFile /h/a \"/h/b\"",
        "GlobalKnownHostsFile none",
        "IdentityAgent /agent",
        "ProxyJump none",
        "ProxyCommand none",
        "ProxyCommand nc a",
        "ProxyJump gate",
        "Compression yes",
        "# Port 9",
        "",
        "User \"quo ted\"",
        "HostKeyAlias \"b\" # c",
    ];
    let scratch = Scratch::new("ssh-made-up");
    let file = scratch.path().join("config");
    let mut numbers = Numbers(7);
    for _ in 0..MADE_UP {
        let mut text = String::new();
        for _ in 0..2 + numbers.below(12) {
            text += &match numbers.below(4) {
                0 => format!("Host {} {}", numbers.of(PATTERNS), numbers.of(PATTERNS)),
                1 => {
                    let last = numbers.of(&["", "", "final ", "!final "]);
                    format!("Match {last}{} {},{}", numbers.of(CONDITIONS), numbers.of(PATTERNS), numbers.of(PATTERNS))
                }
                _ => numbers.of(LINES).to_owned(),
            };
            text.push('\n');
        }
        std::fs::write(&file, text).unwrap();
        assert_alike(&file, numbers.of(&["web", "db", "dev@web", "web.example"]));
    }
}

fn read(text: &str, address: &str) -> flue_core::Result<Target> {
    let scratch = Scratch::new("ssh-read");
    let file = scratch.path().join("config");
    std::fs::write(&file, text).unwrap();
    Target::parse(address).unwrap().0.configured_by([file])
}

#[test]
fn what_an_address_says_comes_first() {
    let target = read("Host box\n HostName real.example\n Port 1\n User other", "ssh://me@box:2").unwrap();
    assert_eq!((&*target.host, target.port, target.user.as_deref()), ("real.example", Some(2), Some("me")));
}

#[test]
fn letters_and_variables_stand_for_values() {
    let text = "HostName real\nPort 5\nUser u\nIdentityFile %d/%r@%h:%p-%n-100%%\nIdentityFile ${HOME}/k";
    let target = read(text, "ssh://box").unwrap();
    let home = std::env::home_dir().unwrap();
    assert_eq!(target.identities.unwrap(), [home.join("u@real:5-box-100%"), home.join("k")]);
}

#[test]
fn what_cannot_be_followed_is_refused_where_it_stands() {
    for (text, at, expected) in [
        ("Host *\n ProxyJump gate", 2, "ProxyJump"),
        ("ProxyCommand nc %h 22", 1, "ProxyCommand"),
        ("RevokedHostKeys /keys", 1, "RevokedHostKeys"),
        ("CanonicalizeHostname yes", 1, "CanonicalizeHostname"),
        ("IdentityFile ~other/key", 1, "home directory"),
        ("IdentityFile /k/%C", 1, "%C"),
        ("Include /etc/[a]", 1, "Include"),
        ("Match exec \"test -e /vpn\"\n Compression yes\n HostName elsewhere", 3, "Match"),
        ("Match localnetwork 10.0.0.0/8\n IdentityFile /key", 2, "Match"),
    ] {
        let error = read(text, "ssh://box").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error:?}");
        let said = error.to_string();
        assert!(said.contains(&format!("config:{at}")) && said.contains(expected), "{text}: {said}");
    }
    // A condition that nothing hangs on is none of our business.
    let text =
        "Match host other exec \"false\"\n HostName a\nMatch exec \"false\"\n Compression yes\nHost *\n HostName b";
    assert_eq!(read(text, "ssh://box").unwrap().host, "b");
}

#[test]
fn files_that_include_each_other_come_to_an_end() {
    let scratch = Scratch::new("ssh-loop");
    let file = scratch.path().join("config");
    std::fs::write(&file, format!("Include {0}\nInclude {0}", file.display())).unwrap();
    let error = Target::new("box").configured_by([&file]).unwrap_err();
    assert!(error.to_string().contains("include each other"), "{error}");
}

#[cfg(unix)]
#[test]
fn a_file_that_others_may_write_is_not_followed() {
    use std::os::unix::fs::PermissionsExt as _;
    let scratch = Scratch::new("ssh-mode");
    let file = scratch.path().join("config");
    std::fs::write(&file, "Port 1").unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o666)).unwrap();
    let error = Target::new("box").configured_by([&file]).unwrap_err();
    assert!(error.kind() == ErrorKind::Config && error.to_string().contains("go-w"), "{error}");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    Target::new("box").configured_by([&file]).unwrap();
    // Only an administrator can give it to somebody else.
    if std::os::unix::fs::chown(&file, Some(65534), None).is_ok() {
        let error = Target::new("box").configured_by([&file]).unwrap_err();
        assert!(error.to_string().contains("that it is yours"), "{error}");
    }
}

#[tokio::test]
async fn a_host_by_its_alias_is_worked_on() {
    let Some(server) = server("an alias of ssh_config") else { return };
    let text = format!(
        "Host box\n HostName 127.0.0.1\n Port {}\n IdentityFile {}\n UserKnownHostsFile {}\n StrictHostKeyChecking no\n",
        server.port,
        server.file("rsa").display(),
        server.file("known_hosts").display(),
    );
    let target = read(&text, "ssh://box").unwrap();
    assert!(is_let_in(server, target).await);
    // It asks for less than is checked.
    let target = read(&text.replace("known_hosts", "no_hosts"), "ssh://box").unwrap();
    assert!(crate::keys::refusal(server, target).await.contains("is not known"));
}
