"""The Kubernetes server, through the official clients `kubernetes` and `k8s-agent-sandbox`."""

import os

from k8s_agent_sandbox.k8s_helper import K8sHelper
from kubernetes import client, watch
from kubernetes.stream import stream

checks = 0


def check(what, got, wanted=True):
    global checks
    assert got == wanted, f"{what}: {got!r} is not {wanted!r}"
    checks += 1


def refused(what, status, call):
    try:
        call()
    except client.ApiException as error:
        check(what, error.status, status)
    else:
        raise AssertionError(f"{what}: was not refused")


def api(token):
    settings = client.Configuration(host=os.environ["API_URL"])
    settings.api_key = {"authorization": f"Bearer {token}"}
    settings.proxy = None
    return client.ApiClient(settings)


namespace, pool = os.environ["NAMESPACE"], os.environ["POOL"]
made = api(os.environ["TOKEN"])
core = client.CoreV1Api(made)


def execute(pod, command, text=None):
    # A client of its own: the module's stream changes the one that it is given.
    running = stream(
        client.CoreV1Api(api(os.environ["TOKEN"])).connect_get_namespaced_pod_exec, pod, namespace,
        command=command, stdin=text is not None, stdout=True, stderr=True, tty=False, _preload_content=False,
    )
    if text is not None:
        running.write_stdin(text)
    running.run_forever(timeout=20)
    out, err = running.read_stdout(timeout=1) or "", running.read_stderr(timeout=1) or ""
    return out, err, running.returncode


refused("a wrong token", 401, lambda: client.CoreV1Api(api("wrong")).list_namespaced_pod(namespace))
refused("another namespace", 403, lambda: core.list_namespaced_pod("elsewhere"))
body = {"metadata": {"name": "one", "labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
check("a pod is made", core.create_namespaced_pod(namespace, body).metadata.name, "one")
refused("twice", 409, lambda: core.create_namespaced_pod(namespace, body))
bad = {"metadata": {"name": "two", "labels": {"a": "b&c"}}, "spec": body["spec"]}
refused("a bad label", 422, lambda: core.create_namespaced_pod(namespace, bad))
for event in watch.Watch().stream(core.list_namespaced_pod, namespace, field_selector="metadata.name=one", timeout_seconds=30):
    if event["object"].status.phase == "Running":
        break
check("it runs", core.read_namespaced_pod("one", namespace).status.phase, "Running")
check("by label", [pod.metadata.name for pod in core.list_namespaced_pod(namespace, label_selector="a=b").items], ["one"])
check("by another", core.list_namespaced_pod(namespace, label_selector="a=c").items, [])
check("streams and code", execute("one", ["sh", "-c", "echo out; echo err >&2; exit 7"]), ("out\n", "err\n", 7))
check("success", execute("one", ["true"]), ("", "", 0))
check("a signal", execute("one", ["sh", "-c", "kill -KILL $$"])[2], 137)
check("input", execute("one", ["sh", "-c", "read line; echo got $line"], "it\n"), ("got it\n", "", 0))
core.delete_namespaced_pod("one", namespace)
refused("gone", 404, lambda: core.read_namespaced_pod("one", namespace))

helper = K8sHelper(made)
claim = helper.create_sandbox_claim("mine", pool, namespace, labels={"who": "me"})
sandbox = helper.wait_for_claim_ready("mine", namespace, 30, expected_uid=claim["metadata"]["uid"])
check("adopted under its own name", sandbox != "mine" and sandbox.startswith(pool))
check("resolved", helper.resolve_sandbox_name("mine", namespace, 30), sandbox)
check("an address", helper.wait_for_sandbox_ready(sandbox, namespace, 30), "127.0.0.1")
check("its pod", execute(sandbox, ["echo", "here"])[0], "here\n")
changed = helper.patch_sandbox_claim("mine", namespace, {"spec": {"lifecycle": {"shutdownTime": "2999-01-01T00:00:00Z"}}})
check("patched", changed["spec"]["warmPoolRef"]["name"], pool)
helper.patch_sandbox_claim("mine", namespace, {"spec": {"lifecycle": {"shutdownTime": "2020-01-01T00:00:00Z"}}})
check("its time is over", helper.get_sandbox_claim("mine", namespace), None)
check("with its sandbox", helper.get_sandbox(sandbox, namespace), None)
try:
    helper.create_sandbox_claim("lost", "nowhere", namespace)
    helper.wait_for_claim_ready("lost", namespace, 30)
except Exception as error:
    check("no such pool", type(error).__name__, "SandboxWarmPoolNotFoundError")
helper.delete_sandbox_claim("lost", namespace)
helper.delete_sandbox_claim("lost", namespace)
check("deleted", helper.get_sandbox_claim("lost", namespace), None)
print(f"certified: {checks} checks")
