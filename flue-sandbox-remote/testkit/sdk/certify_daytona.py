"""Every call that an adapter needs, made with Daytona's own client; the server's address is in the environment."""

import time
import warnings

warnings.simplefilter("ignore")

from daytona import (  # noqa: E402
    CreateSandboxFromSnapshotParams,
    Daytona,
    DaytonaError,
    DaytonaNotFoundError,
    ListSandboxesQuery,
    SessionExecuteRequest,
)
from daytona.common.errors import DaytonaFileNotFoundError, DaytonaProcessExecutionTimeoutError  # noqa: E402

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


daytona = Daytona()


def create(**params):
    return daytona.create(CreateSandboxFromSnapshotParams(**params))


sandbox = create(
    labels={"owner": "a & b=c", "é": "ü"},
    env_vars={"FROM_CREATE": "yes"},
    auto_stop_interval=5,
    auto_delete_interval=60,
    network_allow_list="208.80.154.232/32,10.0.0.0/8",
)
others = [create(labels={"owner": "someone else"}, network_block_all=True) for _ in range(2)]

# Lifecycle.
check("started", sandbox.state == "started")
again = daytona.get(sandbox.id)
check("labels", again.labels.items() >= {"owner": "a & b=c", "é": "ü"}.items())
check("intervals", (again.auto_stop_interval, again.auto_delete_interval) == (5, 60))
check("allow list", (again.network_block_all, again.network_allow_list) == (False, "208.80.154.232/32,10.0.0.0/8"))
check("block all", daytona.get(others[0].id).network_block_all)
raises("no network list", DaytonaError, lambda: create(network_allow_list="example.com"))
found = [item.id for item in daytona.list(ListSandboxesQuery(labels={"owner": "a & b=c"}))]
check("found by label", found == [sandbox.id])
found = {item.id for item in daytona.list(ListSandboxesQuery(labels={"owner": "someone else"}, limit=1))}
check("found by pages", found == {other.id for other in others})
sandbox.set_labels({"owner": "another"})
check("labels replaced", daytona.get(sandbox.id).labels == {"owner": "another"})
sandbox.set_autostop_interval(30)
sandbox.set_ttl(600)
sandbox.refresh_activity()
check("interval set", daytona.get(sandbox.id).auto_stop_interval == 30)
sandbox.update_network_settings(network_block_all=True)
check("network set", daytona.get(sandbox.id).network_block_all)

# Commands.
run = sandbox.process.exec
result = run("echo out; echo err >&2; echo $FROM_CREATE $OWN", env={"OWN": "é"})
check("output, mixed", (result.exit_code, result.result) == (0, "out\nerr\nyes é\n"))
check("exit code", run("exit 7").exit_code == 7)
check("killed by a signal", run("kill -9 $$").exit_code == -1)
check("command is the shell's input", run("cat\necho never-runs").result == "echo never-runs")
check("no UTF-8", run("printf 'a\\377b'").result == "a\ufffdb")
home = sandbox.get_user_home_dir()
run("mkdir -p sub")
check("cwd", run("pwd", cwd="sub").result.strip() == f"{home}/sub")
result = run("pwd", cwd="missing")
check("cwd that is missing", result.exit_code == -1 and result.result.startswith("chdir missing"))
started = time.monotonic()
raises("timeout", DaytonaProcessExecutionTimeoutError, lambda: run("echo lost; sleep 30", timeout=1))
check("timeout in time", time.monotonic() - started < 10)

# Sessions.
process = sandbox.process
process.create_session("one")
raises("session that is there", DaytonaError, lambda: process.create_session("one"))
request = SessionExecuteRequest
process.execute_session_command("one", request(command="cd sub; KEPT=yes"))
result = process.execute_session_command("one", request(command="pwd; printf $KEPT; echo err >&2; (exit 3)"))
check("session keeps its state", result.stdout == f"{home}/sub\nyes\n")
check("streams apart", (result.stderr, result.exit_code) == ("err\n", 3))
begun = process.execute_session_command("one", request(command="printf 'a\\0b'; sleep 1; exit 5", run_async=True))
check("runs on", process.get_session_command("one", begun.cmd_id).exit_code is None)
time.sleep(0.5)
check("logs by line, without NUL", process.get_session_command_logs("one", begun.cmd_id).stdout == "ab\n")
check("listed", [session.session_id for session in process.list_sessions()] == ["one"])
process.delete_session("one")
raises("session that is gone", DaytonaNotFoundError, lambda: process.get_session("one"))

# Files.
files = sandbox.fs
files.upload_file("héllo".encode(), "deep/er/text.txt")
check("text", files.download_file("deep/er/text.txt") == "héllo".encode())
data = bytes(range(256)) * 4096
odd = "name with # ? % & +.bin"
files.upload_file(data, odd)
check("bytes", files.download_file(odd) == data)
check("the same to commands", run(f"wc -c < '{odd}'").result.strip() == str(len(data)))
files.upload_file(b"trimmed", "  blanks  ")
check("blanks around a name are lost", run("cat blanks").result == "trimmed")
raises("missing", DaytonaFileNotFoundError, lambda: files.download_file("missing"))
info = files.get_file_info("deep/er/text.txt")
check("info", (info.name, info.size, info.is_dir, info.permissions) == ("text.txt", 6, False, "0644"))
raises("info of nothing", DaytonaFileNotFoundError, lambda: files.get_file_info("missing"))
run("ln -s nowhere dangling")
names = {entry.name for entry in files.list_files(".")}
check("listed, but for a dangling link", {"blanks", "deep", odd} <= names and "dangling" not in names)
raises("a dangling link cannot be deleted", DaytonaNotFoundError, lambda: files.delete_file("dangling"))
files.create_folder("new/dir", "755")
files.create_folder("new/dir", "755")
check("directory with its parents, twice", files.get_file_info("new/dir").is_dir)
files.move_files("blanks", "moved")
check("moved", files.download_file("moved") == b"trimmed")
raises("directory that is not empty", DaytonaError, lambda: files.delete_file("deep"))
files.delete_file("deep", recursive=True)
raises("deleted with all in it", DaytonaNotFoundError, lambda: files.delete_file("deep", recursive=True))

# Stopping, and the end.
sandbox.stop()
check("stopped", daytona.get(sandbox.id).state == "stopped")
raises("nothing runs in it", DaytonaError, lambda: run("true"))
sandbox.start()
check("started with its files", files.download_file("moved") == b"trimmed")
sandbox.delete(wait=True)
raises("gone", DaytonaNotFoundError, lambda: daytona.get(sandbox.id))
check("the others live", [run.process.exec("echo yes").result for run in others] == ["yes\n"] * 2)
for other in others:
    daytona.delete(other)
print(f"certified: {done} checks")
