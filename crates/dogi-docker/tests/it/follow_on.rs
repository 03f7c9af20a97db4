//! Following that was interrupted.

use std::time::Duration;

use dogi_docker::FileEvent;

use crate::support::{Fixture, within};

/// The processes in a container that run the helper.
async fn helpers(container: &dogi_docker::Container) -> usize {
    let raw = bollard::Docker::connect_with_unix_defaults().unwrap();
    let options = None::<bollard::query_parameters::TopOptions>;
    let top = raw.top_processes(container.id().as_str(), options);
    let rows = top.await.unwrap().processes.unwrap_or_default();
    let helper = |row: &&Vec<String>| {
        row.iter()
            .any(|cell| cell.contains(dogi_docker::HELPER_PATH))
    };
    rows.iter().filter(helper).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_follows_on_loses_and_repeats_nothing_and_no_helper_lingers() {
    let fixture = Fixture::new().await;
    let spec = fixture.sh(
        "for i in $(seq 300); do echo $i >> /tmp/grows; usleep 5000; done; echo first > /tmp/replaced;
         until test -e /tmp/go; do usleep 10000; done;
         echo second, and longer > /tmp/new; mv /tmp/new /tmp/replaced; echo shm > /dev/shm/f;
         until test -e /tmp/end; do usleep 10000; done; echo last >> /tmp/grows",
    );
    let container = fixture.create(&spec).await;
    container.inject_helper().await.unwrap();
    let _output = container.start_attached().await.unwrap();
    let paths = ["/tmp/grows", "/tmp/replaced", "/dev/shm/f"];
    let mut content = vec![Vec::new(); 3];
    let mut restarts = [0; 3];
    let follow = |content: &[Vec<u8>]| {
        let known = paths.iter().zip(content).enumerate();
        let files = known.map(|(key, (path, content))| {
            let mut live = dogi_docker::LiveFile::new();
            live.record(content);
            (key, *path, live)
        });
        container.follow_on(files).unwrap()
    };
    let mut take = |event, content: &mut Vec<Vec<u8>>| match event {
        FileEvent::Data { file, bytes } => content[file].extend_from_slice(&bytes),
        FileEvent::Restarted { file } => {
            content[file].clear();
            restarts[file] += 1;
        }
        other => panic!("{other:?}"),
    };
    let tell = async |name| {
        let tar = crate::support::Tar::new().file(name, 0o644, b"");
        let uploaded = container.upload("/tmp", crate::support::context(tar));
        uploaded.await.unwrap();
    };
    // Interrupted after every few pieces.
    for _ in 0..5 {
        let mut files = follow(&content);
        for _ in 0..3 {
            let event = within(30, "an event", files.next()).await.unwrap().unwrap();
            take(event, &mut content);
        }
    }
    let mut files = follow(&content);
    while content[1].is_empty() {
        let event = within(30, "the file", files.next()).await.unwrap().unwrap();
        take(event, &mut content);
    }
    assert!(helpers(&container).await > 0, "it follows from inside");
    drop(files);
    let none = || async { (helpers(&container).await == 0).then_some(()) };
    dogi_testkit::wait::within(Duration::from_secs(20), "the helpers' end", none)
        .await
        .unwrap();
    tell("go").await;
    let mut files = follow(&content);
    while content[2].is_empty() {
        let event = within(30, "the file", files.next()).await.unwrap().unwrap();
        take(event, &mut content);
    }
    drop(files);
    let mut files = follow(&content);
    tell("end").await;
    while let Some(event) = within(60, "the end", files.next()).await {
        take(event.unwrap(), &mut content);
    }
    let lines: String = (1..=300).map(|n| format!("{n}\n")).collect();
    assert_eq!(String::from_utf8_lossy(&content[0]), lines + "last\n");
    assert_eq!(String::from_utf8_lossy(&content[1]), "second, and longer\n");
    assert_eq!(String::from_utf8_lossy(&content[2]), "shm\n");
    assert_eq!(restarts[..2], [0, 1]);
}
