//! Figures of real jobs.

use dogi_testkit::wait;

use crate::harness::{Dogi, Repos};

/// The value of a series in Prometheus' text format.
fn value(text: &str, series: &str) -> f64 {
    let found = text
        .lines()
        .find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    let found = found.unwrap_or_else(|| panic!("{series} is not in\n{text}"));
    found.parse().expect("a number")
}

#[tokio::test]
async fn the_parts_of_real_jobs_are_timed_and_images_used_again_are_hits() {
    let (_repos, path) = Repos::one("CMD [\"sh\", \"-c\", \"echo hello\"]\n").await;
    let dogi = Dogi::start().await;
    for _ in 0..2 {
        let answer = dogi
            .get(&format!("{path}?action=run&output_type=wait"))
            .await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    let text = dogi.get("/metrics").await.text();
    for (series, wanted) in [
        ("dogi_jobs_ended_total{state=\"succeeded\"}", 2.0),
        ("dogi_job_queue_seconds_count", 2.0),
        ("dogi_job_phase_seconds_count{phase=\"clone\"}", 2.0),
        ("dogi_job_phase_seconds_count{phase=\"build\"}", 2.0),
        ("dogi_job_phase_seconds_count{phase=\"run\"}", 2.0),
        ("dogi_image_lookups_total{result=\"miss\"}", 1.0),
        ("dogi_image_lookups_total{result=\"hit\"}", 1.0),
        ("dogi_admission_running", 0.0),
        ("dogi_docker_up", 1.0),
        ("dogi_database_up", 1.0),
    ] {
        assert_eq!(value(&text, series), wanted, "{series}");
    }
    assert!(value(&text, "dogi_output_written_bytes_total") >= 12.0);
    // Submitted, let in, checked out, built, started, exited, cleaned up.
    assert!(value(&text, "dogi_store_append_seconds_count") >= 14.0);
    assert!(value(&text, "dogi_disk_free_bytes") > 0.0);
    // What is kept is looked at after a job, by and by.
    let text = wait::until("what is kept to be counted", || async {
        let text = dogi.get("/metrics").await.text();
        (value(&text, "dogi_disk_kept{part=\"runs\"}") == 2.0).then_some(text)
    })
    .await
    .expect("it is looked at");
    assert_eq!(value(&text, "dogi_disk_kept{part=\"mirrors\"}"), 1.0);
    assert_eq!(value(&text, "dogi_disk_kept{part=\"images\"}"), 1.0);
    // The image shares all that it has with those of other tests.
    for part in ["mirrors", "runs", "database"] {
        let series = format!("dogi_disk_used_bytes{{part=\"{part}\"}}");
        assert!(value(&text, &series) > 0.0, "{series}");
    }
}
