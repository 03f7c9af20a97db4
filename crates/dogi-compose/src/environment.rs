//! What the programs get to see: nothing of this process's own environment.

use std::{collections::BTreeMap, ffi::OsString};

use crate::{Compose, EngineAddress, ProjectName, scratch::Scratch};

type Variables = Vec<(OsString, OsString)>;

/// The environment of Compose and docker. What they need themselves comes last, so that it wins over
/// variables of the project.
pub(crate) fn of_programs(
    compose: &Compose,
    name: &ProjectName,
    engine: &EngineAddress,
    scratch: &Scratch,
    project: &BTreeMap<String, String>,
) -> Variables {
    let mut variables = given(project);
    variables.extend(engine.variables());
    let cli = |wanted: bool| if wanted { "1" } else { "0" };
    // 1.29 builds by the docker program unless told not to, with build arguments on its command line.
    let builds_by_cli = engine.buildkit == Some(true);
    let texts = [
        ("COMPOSE_PROJECT_NAME", name.as_str()),
        ("COMPOSE_DOCKER_CLI_BUILD", cli(builds_by_cli)),
        // Without a docker program 1.29 attaches by itself.
        ("COMPOSE_INTERACTIVE_NO_CLI", cli(compose.docker().is_err())),
        ("LC_ALL", "C.UTF-8"),
        // Lines come when they are printed, not when a buffer is full.
        ("PYTHONUNBUFFERED", "1"),
    ];
    variables.extend(texts.map(|(name, value)| (name.into(), value.into())));
    variables.extend([
        ("PATH".into(), compose.search().to_owned()),
        ("HOME".into(), scratch.home().into()),
        ("DOCKER_CONFIG".into(), scratch.docker().into()),
    ]);
    variables
}

pub(crate) fn given(project: &BTreeMap<String, String>) -> Variables {
    let project = project.iter();
    project
        .map(|(name, value)| (name.into(), value.into()))
        .collect()
}
