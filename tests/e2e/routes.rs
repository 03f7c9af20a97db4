//! The other routes.

use crate::harness::{Dogi, Repos, encode};

#[tokio::test]
async fn outputs_are_listed_and_collected() {
    let (_repos, path) = Repos::one("").await;
    let dogi = Dogi::start().await;
    for id in ["a", "b"] {
        let script = encode(&format!("printf {id} > /data"));
        dogi.get(&format!(
            "{path}?action=run&output=status&id={id}&file_data=/data&bashc={script}"
        ))
        .await;
    }
    let outputs = dogi.get("/outputs").await.json();
    let listed = outputs["outputs"].as_array().expect("a list");
    assert_eq!(listed.len(), 2);
    for instance in listed {
        let url = instance["outputs"]["file_data"]["url"]
            .as_str()
            .expect("a URL");
        assert_eq!(dogi.get(url).await.status, 200, "{url}");
    }
    let collected = dogi.get("/collect?output=file_data").await.text();
    let mut lines: Vec<_> = collected.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["a", "b"]);
}

#[tokio::test]
async fn runs_are_history_and_can_be_run_again() {
    let (_repos, path) = Repos::one("").await;
    let dogi = Dogi::start().await;
    let first = dogi
        .get(&format!("{path}?action=run&output=status&env_A=1&cmd=true"))
        .await
        .json();
    let run = first["run"].as_str().expect("a run");
    let shown = dogi.get(&format!("/runs/{run}")).await;
    assert_eq!(shown.json()["run"], run);
    assert_eq!(dogi.get(&format!("/runs/{run}/log")).await.status, 200);
    let listed = dogi.get("/runs").await.json();
    assert!(listed.to_string().contains(run), "{listed}");
    let again = dogi
        .ask(dogi.request("POST", &format!("/runs/{run}/rerun")))
        .await;
    assert!([200, 201, 202].contains(&again.status), "{}", again.text());
    let second = dogi
        .get(&format!("{path}?output=status&output_type=wait"))
        .await
        .json();
    assert_ne!(second["run"], first["run"]);
    assert_eq!(second["env"], first["env"]);
}

#[tokio::test]
async fn a_run_can_be_aborted_by_its_id() {
    let (_repos, path) = Repos::one("").await;
    let dogi = Dogi::start().await;
    let target = format!("{path}?action=run&output=status&output_type=async&bashc=sleep+600");
    let run = dogi.get(&target).await.json()["run"]
        .as_str()
        .expect("a run")
        .to_owned();
    let aborted = dogi
        .ask(dogi.request("POST", &format!("/runs/{run}/abort")))
        .await;
    assert_eq!(aborted.json()["state"], "aborted", "{}", aborted.text());
    assert_eq!(
        dogi.ask(dogi.request("POST", &format!("/runs/{}/abort", "0".repeat(32))))
            .await
            .status,
        404
    );
}
