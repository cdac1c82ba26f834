//! `--sandbox local:confined`: this machine, with commands that the kernel holds to the directory.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use crate::support::{Done, Place};

const WARNING: &str = "note: local:confined has the kernel hold commands here: for work you trust not to attack it\n";

fn exec(place: &Place, args: &[&str]) -> crate::support::Flue {
    place.flue(["exec", "--sandbox", "local:confined"].iter().chain(args))
}

/// A home directory with a key in it, and a directory to work in.
fn ground() -> Place {
    let place = Place::new();
    place.write("home/.ssh/id_ed25519", "planted-key").write("work/file", "there");
    place
}

fn run(place: &Place, args: &[&str]) -> Done {
    exec(place, args).env("HOME", place.path("home").to_str().unwrap()).current_dir(place.path("work")).run()
}

#[test]
fn commands_write_in_the_directory_and_nowhere_else() {
    let place = ground();
    let outside = place.path("outside");
    // The temporary directory is the sandbox's own; what is written there is not seen here.
    let script =
        format!("cat file; echo made > made; echo no > {}; echo no > /usr/outside; echo $?", outside.display());
    let done = run(&place, &[&script]).code(0);
    assert_eq!(done.stdout, "there1\n");
    assert!(done.stderr.starts_with(WARNING), "{}", done.stderr);
    assert_eq!(place.read("work/made"), "made\n");
    assert!(!outside.exists() && !std::path::Path::new("/usr/outside").exists());
}

#[test]
fn another_directory_is_written_to_when_it_is_allowed_and_counted_from_here() {
    let place = ground();
    place.write("outside/old", "");
    let done = run(&place, &["--allow-write", "../outside", "echo new > ../outside/new"]).code(0);
    assert_eq!((done.stdout.as_str(), place.read("outside/new").as_str()), ("", "new\n"));
}

#[test]
fn keys_are_hidden() {
    let place = ground();
    let key = place.path("home/.ssh/id_ed25519");
    let done = run(&place, &[&format!("cat {0}; ls {1}; cp {0} .; cat ~/.ssh/*", key.display(), "~/.ssh")]);
    assert!(!done.stdout.contains("planted") && !done.stderr.contains("planted"), "{done:?}");
    assert!(!place.path("work/id_ed25519").exists());
}

#[test]
fn hosts_are_reached_by_name_and_only_those() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = server.local_addr().unwrap();
    let answer = std::thread::spawn(move || {
        let (mut stream, _) = server.accept().unwrap();
        let mut request = [0; 1024];
        let read = stream.read(&mut request).unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 7\r\nconnection: close\r\n\r\nreached").unwrap();
        String::from_utf8_lossy(&request[..read]).into_owned()
    });
    let place = ground();
    // By bash alone, so that no client is needed: what a proxy is asked.
    let port = address.port();
    let script = format!(
        "proxy=${{http_proxy#http://}}; proxy=${{proxy%/}}; exec 3<>/dev/tcp/${{proxy%:*}}/${{proxy#*:}}; \
         printf 'GET http://127.0.0.1:{port}/x HTTP/1.1\\r\\nhost: 127.0.0.1:{port}\\r\\nconnection: close\\r\\n\\r\\n' >&3; cat <&3"
    );
    // Another host first: whoever is not named gets a refusal, and the server hears nothing.
    let refused = run(&place, &["--allow-host", "localhost:1", &script]).code(0);
    assert!(refused.stdout.starts_with("HTTP/1.1 403"), "{}", refused.stdout);
    let done = run(&place, &["--allow-host", &format!("127.0.0.1:{port}"), &script]).code(0);
    assert!(done.stdout.ends_with("reached"), "{done:?}");
    assert!(answer.join().unwrap().starts_with("GET /x HTTP/1.1\r\n"));
    let done = run(&place, &[&format!("exec 3<>/dev/tcp/127.0.0.1/{port}")]);
    assert_ne!(done.code, Some(0), "{done:?}");
}

#[test]
fn changes_can_be_kept_aside_too() {
    let place = ground();
    let done = run(&place, &["--apply", "echo changed > file; touch /outside-of-it; echo $?"]).code(0);
    assert_eq!(done.stdout, "1\n");
    assert_eq!(place.read("work/file"), "changed\n");
    run(&place, &["--discard", "echo again > file"]).code(0);
    assert_eq!(place.read("work/file"), "changed\n");
}

#[test]
fn what_only_confinement_can_do_is_refused_elsewhere() {
    let place = ground();
    for kind in ["virtual", "virtual:contained", "local", "local:overlay"] {
        for option in [["--allow-host", "example.org"], ["--allow-write", "."]] {
            let done = place.flue(["exec", "--sandbox", kind].iter().chain(&option).chain(&["ls"])).run().code(2);
            assert!(done.stderr.contains("are for local:confined"), "{kind}: {}", done.stderr);
        }
    }
    let done = run(&place, &["--allow-host", "https://example.org/x", "ls"]).code(125);
    assert!(done.stderr.contains("example.org"), "{}", done.stderr);
}

#[test]
fn what_git_would_run_later_is_told() {
    let place = ground();
    let git = |args: &[&str]| {
        let done = std::process::Command::new("git").args(args).current_dir(place.path("work")).output().unwrap();
        assert!(done.status.success(), "{args:?}: {done:?}");
    };
    git(&["init", "-q"]);
    let script =
        "echo elsewhere > .git/commondir; mkdir -p sub; git init -q sub; git status > /dev/null; touch ordinary";
    let done = run(&place, &[script]);
    assert!(done.stderr.contains("git takes orders from files that were made or changed meanwhile"), "{}", done.stderr);
    assert!(
        done.stderr.contains("./.git/commondir.planted-") && done.stderr.contains("./sub/.git/config"),
        "{}",
        done.stderr
    );
    git(&["status"]);
    // Files are taken for changed that are a tick of the kernel older than the run.
    std::thread::sleep(std::time::Duration::from_millis(100));
    let done = run(&place, &["touch more; git add more"]).code(0);
    assert!(!done.stderr.contains("git takes orders"), "{}", done.stderr);
}
