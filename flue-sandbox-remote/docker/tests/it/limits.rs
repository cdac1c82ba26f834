//! What a container may not, read from inside, and what is refused.

use flue_core::{ErrorKind, ExecRequest, NetworkReach, OpenRequest, Sandbox};
use flue_sandbox_remote_docker::Docker;
use flue_sandbox_remote_kit::{NetworkPolicy, Remote, Workspace};
use flue_sandbox_remote_testkit::checks::secret::{self, PLANTED};

use crate::engine::{Engine, Kind};

pub(crate) async fn a_container_has_no_network_no_privileges_and_limits(engine: &'static Engine) {
    let docker = engine.docker().memory(96 << 20).processes(60);
    let sandbox = Remote::new(docker).owner("limits").create(OpenRequest::new("held")).await.unwrap();
    assert_eq!(sandbox.info().capabilities.network, NetworkReach::None);
    if engine.kind == Kind::Docker {
        // It would not even have the network that containers are in when nobody says anything.
        let networks = engine.client(&["network", "ls", "--format", "{{.Name}}"]);
        assert!(!networks.lines().any(|name| name == "bridge"), "the engine changed: {networks}");
    }
    assert_eq!(engine.client(&["inspect", "--format", "{{.HostConfig.NetworkMode}}", sandbox.machine()]), "none");
    let say = async |command: &str| sandbox.exec(ExecRequest::new(command)).await.unwrap();
    assert_eq!(say("ls /sys/class/net").await.stdout_text(), "lo\n");
    let status = say("grep -E '^(Cap(Inh|Prm|Eff|Bnd|Amb)|NoNewPrivs):' /proc/self/status").await;
    for line in status.stdout_text().lines() {
        let (name, value) = line.split_once(":\t").unwrap();
        assert_eq!(value.trim_start_matches('0'), if name == "NoNewPrivs" { "1" } else { "" }, "{line}");
    }
    assert_eq!(status.stdout_text().lines().count(), 6);
    assert!(say("chown 1 /bin").await.exit_code() != 0, "no capability to do so");
    // The first process of the container is one that buries the dead.
    assert!(say("cat /proc/1/comm").await.stdout_text().contains("init"));
    // More than the limit is killed, and the container lives on.
    let much = say("head -c 300000000 /dev/zero | tail -c 250000000 | wc -c").await;
    assert_ne!(much.stdout_text(), "250000000\n");
    let forks = say("i=0; while [ $i -lt 100 ]; do sleep 2 & i=$((i+1)); done; echo all").await;
    assert_ne!(forks.stdout_text(), "all\n", "{}", forks.stderr_text());
    sandbox.close().await.unwrap();
}

pub(crate) async fn a_policy_that_cannot_be_held_is_refused_before_anything_is_made(engine: &'static Engine) {
    let list = Workspace::named("list").network(NetworkPolicy::AllowList(vec!["a.example".into()]));
    let error = engine.remote("policies").workspace(list).create(OpenRequest::new("x")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error:?}");
    // A network is asked for, and the policy forbids it.
    let open = |policy: NetworkPolicy, name: &'static str| {
        let remote = Remote::new(engine.docker().network("host")).owner("policies");
        let remote = remote.workspace(Workspace::named(name).network(policy));
        async move { remote.create(OpenRequest::new("x")).await }
    };
    let none = open(NetworkPolicy::None, "none").await.unwrap();
    assert_eq!(none.exec(ExecRequest::new("ls /sys/class/net")).await.unwrap().stdout_text(), "lo\n");
    // One that was made with a network is not taken for one without.
    let host = open(NetworkPolicy::AsProvided, "host").await.unwrap();
    assert_eq!(host.info().capabilities.network, NetworkReach::Open);
    let error = open(NetworkPolicy::None, "host").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error:?}");
    assert_eq!(engine.client(&["ps", "-aq", "--filter", "label=flue-owner=policies"]).lines().count(), 2);
}

pub(crate) async fn images_that_lack_and_engines_that_are_not_there_say_so_and_leave_nothing(engine: &'static Engine) {
    let refuse =
        async |docker: Docker| Remote::new(docker).owner("images").create(OpenRequest::new("x")).await.unwrap_err();
    let error = refuse(engine.image("local/absent:1")).await;
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error:?}");
    assert!(error.to_string().contains("pull it first"), "{error}");
    // Nobody listens there: asked for and not to be had.
    let error = refuse(engine.image("127.0.0.1:1/absent").pull(true)).await;
    assert!(error.to_string().contains("cannot be pulled"), "{error:?}");
    let error = refuse(engine.image("local/empty:1")).await;
    assert!(error.to_string().contains("needs /bin/sh"), "{error:?}");
    let error = refuse(Docker::at("/nowhere/engine.sock", "x")).await;
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
    assert_eq!(engine.client(&["ps", "-aq", "--filter", "label=flue-owner=images"]), "");
}

pub(crate) async fn what_an_engine_lacks_for_its_containers_is_named_and_nothing_is_left(engine: &'static Engine) {
    let refuse =
        async |docker: Docker| Remote::new(docker).owner("lacks").create(OpenRequest::new("x")).await.unwrap_err();
    let error = refuse(engine.docker().network("no-such-network")).await;
    let said = error.to_string();
    assert!(said.contains("lacks the network") && said.contains("no-such-network"), "{error:?}");
    assert_eq!(engine.client(&["ps", "-aq", "--filter", "label=flue-owner=lacks"]), "");
    let kind = engine.kind;
    let bare = tokio::task::spawn_blocking(move || Engine::without_init(kind)).await.unwrap();
    let error = refuse(bare.docker()).await;
    assert!(error.to_string().contains("lacks an init program"), "{error:?}");
    assert_eq!(bare.client(&["ps", "-aq", "--filter", "label=flue-owner=lacks"]), "");
}

pub(crate) async fn variables_reach_commands_and_nothing_else(engine: &'static Engine) {
    let remote = engine.remote("secrets").workspace(Workspace::per_session().env("TOKEN", PLANTED));
    let sandbox = remote.create(OpenRequest::new("secrets")).await.unwrap();
    let (first, rest) = PLANTED.split_at(7);
    let (middle, rest) = rest.split_at(1);
    // Written so that the search does not find itself.
    let look =
        format!("printf %s \"$TOKEN\"; cat /proc/[0-9]*/cmdline 2>/dev/null | grep -ac '{first}[{middle}]{rest}'");
    let output = sandbox.exec(ExecRequest::new(look)).await.unwrap();
    assert_eq!(output.stdout_text(), format!("{PLANTED}0\n"));
    let failed = sandbox.exec(ExecRequest::new("true").with_env("BAD-NAME", PLANTED)).await.unwrap_err();
    let (told, logged) = (engine.client(&["inspect", sandbox.machine()]), engine.log());
    engine.client(&["rm", "-f", sandbox.machine()]);
    let died = sandbox.exec(ExecRequest::new("true").with_env("TOKEN", PLANTED)).await.unwrap_err();
    let lost = sandbox.fs().list(&sandbox.info().cwd).await.unwrap_err();
    let shown = [
        format!("{remote:?} {sandbox:?} {:?}", sandbox.info()),
        format!("{failed:?} {failed:#} {died:?} {died:#} {lost:?} {lost:#}"),
        told,
        logged,
    ];
    secret::absent(shown.iter().map(String::as_str));
    sandbox.close().await.unwrap();
}
