//! What a container may do, and how it is ended.

use std::time::{Duration, Instant};

use dogi_docker::{ContainerSpec, ContainerState, Exit, Limits};
use futures::StreamExt;

use crate::support::{Fixture, Tar, context, within};

#[tokio::test(flavor = "multi_thread")]
async fn the_safe_settings_are_always_there() {
    let fixture = Fixture::new().await;
    let spec = ContainerSpec {
        limits: Limits {
            memory: Some(64 << 20),
            cpus: Some(0.5),
            pids: Some(32),
        },
        log_max_bytes: Some(1 << 20),
        tty: true,
        ..fixture.sh("true")
    };
    let container = fixture.create(&spec).await;
    let raw = bollard::Docker::connect_with_unix_defaults().unwrap();
    let found = raw
        .inspect_container(container.id().as_str(), None)
        .await
        .unwrap();
    let host = found.host_config.unwrap();
    assert_eq!(host.security_opt.unwrap(), ["no-new-privileges"]);
    assert_eq!(host.privileged, Some(false));
    assert_eq!(host.pids_limit, Some(32));
    assert_eq!(
        (host.memory, host.memory_swap),
        (Some(64 << 20), Some(64 << 20))
    );
    assert_eq!(host.nano_cpus, Some(500_000_000));
    assert!(host.binds.unwrap_or_default().is_empty() && host.mounts.is_none());
    assert_ne!(host.init, Some(true));
    let log = host.log_config.unwrap();
    assert_eq!(log.typ.as_deref(), Some("local"));
    let options = log.config.unwrap();
    assert_eq!(options["compress"], "false");
    // In two files, so that one that lost its beginning is larger than one of them.
    assert_eq!(options["max-size"], "524288");
    assert_eq!(options["max-file"], "2");
    let config = found.config.unwrap();
    assert_eq!(config.tty, Some(true));
    assert_eq!(config.labels.unwrap()[crate::support::LABEL], fixture.mark);
}

#[tokio::test(flavor = "multi_thread")]
async fn command_entrypoint_and_environment_are_as_docker_run_has_them() {
    let fixture = Fixture::new().await;
    let (built, log) = fixture
        .build(
            &dogi_docker::BuildSpec::default(),
            fixture.shell(
                "ENV KEPT=1 CHANGED=1\nWORKDIR /tmp\nUSER 1000\n\
                 ENTRYPOINT [\"/bin/echo\", \"entry\"]\nCMD [\"image's\", \"cmd\"]\n",
            ),
        )
        .await;
    let image = built
        .unwrap_or_else(|err| panic!("{err:?}\n{log}"))
        .to_string();
    let words = |words: &[&str]| Some(words.iter().map(ToString::to_string).collect::<Vec<_>>());
    let base = ContainerSpec {
        image,
        labels: fixture.labels(),
        ..ContainerSpec::default()
    };
    let cases = [
        (base.clone(), "entry image's cmd\n"),
        (
            ContainerSpec {
                command: words(&["mine"]),
                ..base.clone()
            },
            "entry mine\n",
        ),
        (
            ContainerSpec {
                command: words(&[]),
                ..base.clone()
            },
            "entry image's cmd\n",
        ),
        (
            ContainerSpec {
                entrypoint: words(&["/bin/sh", "-c", "id -u; /bin/echo $KEPT $CHANGED $PWD"]),
                env: [("CHANGED".to_owned(), "a b=c".to_owned())].into(),
                ..base.clone()
            },
            "1000\n1 a b=c /tmp\n",
        ),
        (
            ContainerSpec {
                entrypoint: words(&["/bin/sh", "-c", "id -u; echo $PWD"]),
                user: Some("0".into()),
                working_dir: Some("/made/by/docker".into()),
                ..base.clone()
            },
            "0\n/made/by/docker\n",
        ),
    ];
    for (spec, wanted) in cases {
        let (out, err, exit) = fixture.run(&spec).await;
        assert_eq!(
            String::from_utf8_lossy(&out),
            wanted,
            "{}",
            String::from_utf8_lossy(&err)
        );
        assert_eq!(exit.code, 0);
    }
}

/// The engine hears of a lack of memory from containerd, which begins to listen to the kernel when it has
/// started the container, and is silent when it finds that the container's cgroup is gone (containerd
/// 1.6, cgroups v1). So of a first process that is killed it is a matter of luck, on a busy machine,
/// whether anybody hears why: this job loses a child, and ends when the engine knows.
#[tokio::test(flavor = "multi_thread")]
async fn out_of_memory_is_told() {
    let fixture = Fixture::new().await;
    let spec = ContainerSpec {
        limits: Limits {
            memory: Some(16 << 20),
            ..Limits::default()
        },
        ..fixture.sh(
            "wait_for() { until test -e /tmp/$1; do usleep 10000; done; }
             wait_for started; dd if=/dev/zero of=/dev/null bs=64M count=1; code=$?
             wait_for known; exit $code",
        )
    };
    let container = fixture.create(&spec).await;
    let mut output = container.start_attached().await.unwrap().output;
    let raw = bollard::Docker::connect_with_unix_defaults().unwrap();
    let events = bollard::query_parameters::EventsOptions {
        since: Some("0".to_owned()),
        filters: Some(
            [
                ("container".to_owned(), vec![container.id().to_string()]),
                ("event".to_owned(), vec!["oom".to_owned()]),
            ]
            .into(),
        ),
        ..Default::default()
    };
    let mut events = std::pin::pin!(raw.events(Some(events)));
    let tell = |name| container.upload("/tmp", context(Tar::new().file(name, 0o644, b"")));
    tell("started").await.unwrap();
    within(60, "the engine's word", events.next())
        .await
        .unwrap()
        .unwrap();
    tell("known").await.unwrap();
    let exit = within(60, "the end", async {
        while let Some(piece) = output.next().await {
            piece.unwrap();
        }
        container.wait().await.unwrap()
    });
    let exit = exit.await;
    assert!(exit.oom_killed, "{exit:?}");
    assert_eq!(exit.code, 137, "{exit:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn stop_asks_first_and_then_kills() {
    let fixture = Fixture::new().await;
    // (script, grace, exit code, at most)
    let cases = [
        (
            "trap 'exit 7' TERM; echo ready; while :; do sleep 0.01; done",
            20,
            7,
            10,
        ),
        (
            "trap '' TERM; echo ready; while :; do sleep 0.01; done",
            1,
            137,
            15,
        ),
        (
            "trap '' TERM; echo ready; while :; do sleep 0.01; done",
            0,
            137,
            10,
        ),
    ];
    for (script, grace, code, at_most) in cases {
        let container = fixture.create(&fixture.sh(script)).await;
        let mut output = container.start_attached().await.unwrap().output;
        output.next().await.unwrap().unwrap();
        assert_eq!(container.state().await.unwrap(), ContainerState::Running);
        let begun = Instant::now();
        container.stop(Duration::from_secs(grace)).await.unwrap();
        assert!(
            begun.elapsed() < Duration::from_secs(at_most),
            "{:?}",
            begun.elapsed()
        );
        let Exit { code: got, .. } = container.wait().await.unwrap();
        assert_eq!(got, code, "{script}");
        // Again, when there is nothing to stop, and when there is no container.
        container.stop(Duration::from_secs(grace)).await.unwrap();
        container.kill().await.unwrap();
        container.remove().await.unwrap();
        container.stop(Duration::from_secs(grace)).await.unwrap();
        container.kill().await.unwrap();
        container.remove().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_longer_than_the_clients_patience_is_not_cut_off() {
    let fixture = Fixture::new().await;
    let endpoint = dogi_docker::Endpoint {
        timeout: Duration::from_secs(4),
        ..fixture.docker.endpoint().clone()
    };
    let hasty = dogi_docker::Docker::connect(&endpoint).unwrap();
    let container = hasty
        .create(&fixture.sh("trap '' TERM; echo ready; while :; do sleep 0.01; done"))
        .await
        .unwrap();
    let mut output = container.start_attached().await.unwrap().output;
    output.next().await.unwrap().unwrap();
    container.stop(Duration::from_secs(6)).await.unwrap();
    assert_eq!(container.wait().await.unwrap().code, 137);
}

#[tokio::test(flavor = "multi_thread")]
async fn removing_twice_at_once_is_fine() {
    let fixture = Fixture::new().await;
    for _ in 0..5 {
        let container = fixture.create(&fixture.sh("sleep 60")).await;
        let _attached = container.start_attached().await.unwrap();
        let (a, b, c) = futures::join!(container.remove(), container.remove(), container.remove());
        a.unwrap();
        b.unwrap();
        c.unwrap();
        assert!(container.state().await.unwrap_err().is_not_found());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn exec_runs_beside_the_job() {
    let fixture = Fixture::new().await;
    let spec = ContainerSpec {
        user: Some("1000".into()),
        ..fixture.sh("sleep 60")
    };
    let container = fixture.create(&spec).await;
    let _attached = container.start_attached().await.unwrap();
    let words = |words: &[&str]| words.iter().map(ToString::to_string).collect::<Vec<_>>();
    let cases = [
        (
            dogi_docker::ExecSpec {
                command: words(&["id", "-u"]),
                ..Default::default()
            },
            "1000\n",
            0,
        ),
        (
            dogi_docker::ExecSpec {
                command: words(&["sh", "-c", "id -u; echo $A; echo $PWD; exit 4"]),
                user: Some("0".into()),
                working_dir: Some("/tmp".into()),
                env: [("A".to_owned(), "b".to_owned())].into(),
                tty: false,
            },
            "0\nb\n/tmp\n",
            4,
        ),
    ];
    for (spec, wanted, code) in cases {
        let mut exec = container.exec(&spec).await.unwrap();
        let mut out = Vec::new();
        while let Some(piece) = exec.output.next().await {
            out.extend_from_slice(&piece.unwrap().1);
        }
        assert_eq!(String::from_utf8_lossy(&out), wanted);
        assert_eq!(exec.exit_code().await.unwrap(), Some(code));
    }
    container.kill().await.unwrap();
    let spec = dogi_docker::ExecSpec {
        command: words(&["true"]),
        ..Default::default()
    };
    let error = container.exec(&spec).await.unwrap_err();
    assert_eq!(error.to_string(), "can't run [\"true\"] in the container");
    assert_eq!(error.source.status(), Some(409));
}
