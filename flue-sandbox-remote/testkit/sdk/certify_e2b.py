"""Every call that an adapter needs, made with E2B's own client; the server's address is in the environment."""

import os
import time
import urllib.request

from e2b import (
    CommandExitException,
    InvalidArgumentException,
    NotFoundException,
    Sandbox,
    SandboxQuery,
    SandboxState,
    TimeoutException,
)

done = 0


def check(name, held):
    global done
    assert held, name
    done += 1


def raises(name, kind, call):
    try:
        call()
    except kind:
        check(name, True)
    else:
        raise AssertionError(f"{name}: no {kind.__name__}")


sandbox = Sandbox.create(timeout=60, metadata={"owner": "a & b=c"}, envs={"FROM_CREATE": "yes"})
other = Sandbox.create(timeout=60, metadata={"owner": "someone else"})

# Lifecycle.
check("is running", sandbox.is_running())
info = sandbox.get_info()
check("info", info.sandbox_id == sandbox.sandbox_id and info.metadata == {"owner": "a & b=c"})
found = Sandbox.list(query=SandboxQuery(metadata={"owner": "a & b=c"})).next_items()
check("found by metadata", [item.sandbox_id for item in found] == [sandbox.sandbox_id])
sandbox.set_timeout(600)
check("set timeout", sandbox.get_info().end_at > info.end_at)

# Commands.
run = sandbox.commands.run
result = run("echo out; echo err >&2; echo $FROM_CREATE $OWN", envs={"OWN": "é"})
check("output", (result.stdout, result.stderr) == ("out\nyes é\n", "err\n"))
try:
    run("exit 7")
except CommandExitException as error:
    check("exit code", error.exit_code == 7)
try:
    run("kill -9 $$")
except CommandExitException as error:
    check("killed by a signal", error.exit_code == -1)
run("mkdir -p sub")
check("cwd", run("pwd", cwd="sub").stdout.strip().endswith("/home/user/sub"))
raises("cwd that is missing", InvalidArgumentException, lambda: run("pwd", cwd="missing"))
started = time.monotonic()
raises("timeout", TimeoutException, lambda: run("sleep 30", timeout=1))
check("timeout in time", time.monotonic() - started < 10)
background = run("echo here; sleep 60", background=True)
check("listed", background.pid in [process.pid for process in sandbox.commands.list()])
check("killed", background.kill())
raises("wait after the kill", CommandExitException, background.wait)
check("kill of nothing", not sandbox.commands.kill(background.pid))
reader = run("cat", background=True, stdin=True)
sandbox.commands.send_stdin(reader.pid, "to the command")
sandbox.commands.close_stdin(reader.pid)
check("stdin", reader.wait().stdout == "to the command")

# Files.
files = sandbox.files
files.write("deep/er/text.txt", "héllo")
check("text", files.read("deep/er/text.txt") == "héllo")
data = bytes(range(256)) * 4096
files.write("name with # ? % & +.bin", data)
check("bytes", bytes(files.read("name with # ? % & +.bin", format="bytes")) == data)
check("the same to commands", run("wc -c < 'name with # ? % & +.bin'").stdout.strip() == str(len(data)))
files.write("empty", "")
check("empty", files.read("empty") == "")
raises("missing", NotFoundException, lambda: files.read("missing"))
check("exists", files.exists("empty") and not files.exists("missing"))
run("ln -s nowhere dangling")
names = {entry.name: entry for entry in files.list("/home/user")}
check("listed with a dangling link", {"dangling", "deep", "empty"} <= names.keys())
check("link target", names["dangling"].symlink_target == "nowhere")
check("new directory", files.make_dir("new/dir"))
check("directory that is there", not files.make_dir("new/dir"))
files.rename("empty", "moved")
check("renamed", files.exists("moved") and not files.exists("empty"))
files.remove("deep")
files.remove("missing")
check("removed with all in it", not files.exists("deep"))
url = sandbox.download_url("moved", use_signature_expiration=60)
signed = urllib.request.Request(
    url, headers={"E2b-Sandbox-Id": sandbox.sandbox_id, "E2b-Sandbox-Port": "49983"}
)
check("signature", urllib.request.urlopen(signed).status == 200)

# Pause, and the end.
sandbox.pause()
check("paused", sandbox.get_info().state == SandboxState.PAUSED)
check("resumed with its files", Sandbox.connect(sandbox.sandbox_id).files.exists("moved"))
check("ended", sandbox.kill())
check("ended once", not sandbox.kill())
raises("info of nothing", NotFoundException, lambda: Sandbox.get_info(sandbox.sandbox_id))
check("the other lives", other.is_running())
other.kill()
print(f"certified: {done} checks")
