//! A real job: an agent mends a failing test in a repository, and its patch does it there too.

use std::path::Path;
use std::process::{Command, Output};

use crate::server::{Server, Turn};
use crate::support::Place;

const STOCK: &str = "\
class Stock:
    def __init__(self):
        self.items = {}

    def add(self, name, count):
        self.items[name] = count

    def take(self, name, count):
        if self.items.get(name, 0) < count:
            raise ValueError(f'not enough of {name}')
        self.items[name] -= count
";
const TESTS: &str = "\
import unittest

from stock import Stock


class StockTest(unittest.TestCase):
    def test_what_is_added_adds_up(self):
        stock = Stock()
        stock.add('nail', 10)
        stock.add('nail', 5)
        stock.take('nail', 12)
        self.assertEqual(stock.items, {'nail': 3})


if __name__ == '__main__':
    unittest.main()
";
const RUN_TESTS: &str = "python3 -m unittest 2>&1 | tail -n 1";

/// What a model does that looks first, mends one line, and looks again.
fn turns() -> Vec<Turn> {
    let bash = |command: &str| Turn::Call("bash", serde_json::json!({ "command": command }).to_string());
    let edit = serde_json::json!({
        "path": "stock.py",
        "oldText": "        self.items[name] = count",
        "newText": "        self.items[name] = self.items.get(name, 0) + count",
    });
    vec![
        bash(RUN_TESTS),
        Turn::Call("grep", r#"{"pattern":"def add"}"#.into()),
        Turn::Call("read", r#"{"path":"stock.py"}"#.into()),
        Turn::Call("edit", edit.to_string()),
        bash(RUN_TESTS),
        bash("git status --short"),
        Turn::Text("`add` replaced the count instead of adding to it."),
    ]
}

fn run(program: &str, args: &[&str], dir: &Path) -> Output {
    let mut command = Command::new(program);
    command.args(args).current_dir(dir).env("GIT_CONFIG_GLOBAL", "/dev/null");
    command.output().unwrap_or_else(|error| panic!("{program}: {error}"))
}

fn git(args: &[&str], dir: &Path) -> String {
    let name = ["-c", "user.name=t", "-c", "user.email=t@example.org"];
    let output = run("git", &[&name, args].concat(), dir);
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn tests_pass(dir: &Path) -> bool {
    run("python3", &["-B", "-m", "unittest"], dir).status.success()
}

fn mends_a_failing_test(kind: &str) {
    let place = Place::new();
    place.write("repo/stock.py", STOCK).write("repo/test_stock.py", TESTS).write("repo/.gitignore", "__pycache__/\n");
    let repo = place.path("repo");
    git(&["init", "-q", "-b", "main"], &repo);
    git(&["add", "-A"], &repo);
    git(&["commit", "-q", "-m", "first"], &repo);
    assert!(!tests_pass(&repo));

    let server = Server::start(turns());
    let args = ["run", "--model", Server::MODEL, "--sandbox", kind, "--patch", "../fix.patch"];
    let done = place
        .flue(args.iter().chain(&["-m", "Make the failing test pass."]))
        .env(Server::ADDRESS, server.address())
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .current_dir(&repo)
        .run()
        .code(0);
    assert!(done.stdout.contains("instead of adding"), "{}", done.stdout);
    assert!(done.stderr.contains("patch written to ../fix.patch: 1 file, +1 -1"), "{}", done.stderr);
    // What the tools gave back: the last message of each request.
    let told = |turn: usize| {
        let request: serde_json::Value = serde_json::from_str(&server.requests()[turn]).unwrap();
        request["messages"].as_array().unwrap().last().unwrap()["content"].as_str().unwrap().to_owned()
    };
    assert!(told(1).contains("FAILED (errors=1)"), "{}", told(1));
    assert!(told(2).contains("stock.py:5:"), "{}", told(2));
    assert!(told(5).contains("OK"), "{}", told(5));
    assert!(told(6).contains("M stock.py") && !told(6).contains("__pycache__"), "{}", told(6));

    assert_eq!(git(&["status", "--short", "--ignored"], &repo), "", "the repository is as it was");
    assert!(!tests_pass(&repo));
    git(&["clone", "-q", "repo", "clone"], &place.path(""));
    let clone = place.path("clone");
    git(&["apply", "../fix.patch"], &clone);
    assert_eq!(git(&["status", "--short"], &clone), " M stock.py\n");
    assert!(tests_pass(&clone));
}

#[test]
fn in_an_overlay() {
    mends_a_failing_test("local:overlay");
}

#[test]
fn confined_and_in_an_overlay() {
    mends_a_failing_test("local:confined");
}
