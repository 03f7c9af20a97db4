//! compose-ci: one repository, by variables alone.

use std::collections::BTreeMap;

use dogi_hooks::rules::Rule;
use dogi_job::{Compose, ComposeAllow, ComposeTest, Local, Origin};
use dogi_url::RepoUrl;

use super::plan::{PlanError, Planned, Trigger, of_compose_ci};
use crate::config::Settings;

/// What is done with the repository.
#[derive(Clone, Debug)]
pub(super) struct ComposeCi {
    rule: Rule,
    repo: RepoUrl,
    compose: Compose,
    env: BTreeMap<String, String>,
    keep: bool,
}

impl ComposeCi {
    pub(super) fn of(settings: &Settings) -> Option<Self> {
        let ci = settings.compose_ci.as_ref()?;
        let github = &settings.network.github_url;
        let url = format!("{}/{}.git", github.as_str().trim_end_matches('/'), ci.repo);
        let words = ci
            .hook
            .as_deref()
            .and_then(|hook| dogi_compose::split_words(hook).ok());
        let test = match (words, &ci.build_image) {
            (None, _) => ComposeTest::Service("tests".to_owned()),
            (Some(command), None) => ComposeTest::Command(command),
            (Some(command), Some(image)) => ComposeTest::Container {
                image: image.clone(),
                command,
            },
        };
        let registry = ci.registry.iter();
        Some(Self {
            rule: ci.rule(github),
            repo: RepoUrl::from_clone_url(&url).ok()?,
            compose: Compose {
                file: ci.file.to_string(),
                test,
                push: true,
                allow: ComposeAllow::default(),
            },
            env: registry
                .map(|registry| ("DOCKER_REGISTRY".to_owned(), registry.clone()))
                .collect(),
            keep: !ci.garbage_collect,
        })
    }

    pub(super) fn rule(&self) -> &Rule {
        &self.rule
    }

    pub(super) fn repo(&self) -> &RepoUrl {
        &self.repo
    }

    pub(super) fn is_it(&self, origin: &Origin) -> bool {
        *origin == Origin::Local(Local::Compose(self.compose.clone()))
    }

    pub(super) fn plan(&self, trigger: &Trigger<'_>) -> Result<Planned, PlanError> {
        of_compose_ci(trigger, self.compose.clone(), &self.env, self.keep)
    }
}
