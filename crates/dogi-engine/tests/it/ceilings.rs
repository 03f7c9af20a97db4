//! A request may ask for less than the operator allows, never for more.

use std::time::Duration;

use dogi_engine::{Ceilings, SubmitError};
use dogi_job::Submit;
use dogi_url::Cpus;

use crate::fakes::{engine_with, spec};

fn ceilings() -> Ceilings {
    Ceilings {
        timeout: Duration::from_secs(60),
        memory: Some(64 << 20),
        cpus: Some(Cpus::from_nanos(500_000_000).expect("half a processor")),
    }
}

#[tokio::test]
async fn more_is_refused_and_nothing_is_the_ceiling_itself() {
    let (engine, fake, _directory) = engine_with(|config| config.ceilings = ceilings()).await;
    let cases = [
        (
            "timeout=61s",
            "timeout=61s is more than this server allows: at most 60s",
        ),
        (
            "memory=65m",
            "memory=68157440 bytes is more than this server allows: at most 67108864 bytes",
        ),
        (
            "cpus=0.6",
            "cpus=0.6 is more than this server allows: at most 0.5",
        ),
    ];
    for (params, expected) in cases {
        let refused = engine.submit(spec(params), Submit::Run).await;
        let Err(error @ SubmitError::OverCeiling(_)) = refused else {
            panic!("{params} was not refused: {refused:?}");
        };
        assert_eq!(error.to_string(), expected);
    }
    fake.let_end(1);
    let run = engine
        .submit(spec("memory=8m"), Submit::Run)
        .await
        .expect("less is fine")
        .run;
    let limits = &run.spec().limits;
    assert_eq!(
        (limits.timeout, limits.memory),
        (Some(Duration::from_secs(60)), Some(8 << 20))
    );
    assert_eq!(limits.cpus, ceilings().cpus);
    run.finished().await;
}
