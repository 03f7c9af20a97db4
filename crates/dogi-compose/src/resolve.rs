//! What the program makes of the file.

use std::ffi::OsString;

use dogi_command::{CommandSpec, Exit};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::{
    Compose, ComposeError, Project, Sink, exec, model,
    prepare::{Place, run_error},
    program::On,
    scratch::Scratch,
};

/// Lets the program resolve a file whose sources were checked.
#[derive(Debug)]
pub(crate) struct Resolver<'a> {
    pub(crate) compose: &'a Compose,
    pub(crate) project: &'a Project,
    pub(crate) scratch: &'a Scratch,
    pub(crate) place: &'a Place,
}

impl Resolver<'_> {
    pub(crate) async fn resolve(
        &self,
        sink: &mut dyn Sink,
        cancel: &CancellationToken,
    ) -> Result<Value, ComposeError> {
        let model = if self.compose.is_first() {
            self.first(sink, cancel).await?
        } else {
            self.second(sink, cancel).await?
        };
        model.map_err(|reason| ComposeError::Model {
            program: self.compose.name().to_owned(),
            reason,
        })
    }

    /// 1.29 has no option to write a file, and its warnings would stand among the YAML. So it is asked
    /// twice: for the warnings alone, and for the model alone.
    async fn first(
        &self,
        sink: &mut dyn Sink,
        cancel: &CancellationToken,
    ) -> Result<Result<Value, String>, ComposeError> {
        self.ask(&["config", "--quiet"], sink, cancel).await?;
        let mut spec = self.spec(&["config"]);
        let silent = ["--log-level", "CRITICAL"].map(OsString::from);
        spec.arguments.splice(0..0, silent);
        let mut text: Vec<u8> = Vec::new();
        self.ask_by(spec, &mut text, cancel).await?;
        Ok(model::from_yaml(&String::from_utf8_lossy(&text)))
    }

    async fn second(
        &self,
        sink: &mut dyn Sink,
        cancel: &CancellationToken,
    ) -> Result<Result<Value, String>, ComposeError> {
        let target = self.scratch.resolved();
        let path = target.to_string_lossy();
        // Without the profiles, their services would be left out.
        let profiles = ["--profile", "*"];
        let config = ["config", "--format", "json", "--output", &path];
        self.ask(&[&profiles[..], &config[..]].concat(), sink, cancel)
            .await?;
        match std::fs::read_to_string(&target) {
            Ok(text) => Ok(model::from_json(&text)),
            Err(source) => Err(ComposeError::Scratch {
                path: target,
                source,
            }),
        }
    }

    async fn ask(
        &self,
        arguments: &[&str],
        sink: &mut dyn Sink,
        cancel: &CancellationToken,
    ) -> Result<(), ComposeError> {
        self.ask_by(self.spec(arguments), sink, cancel).await
    }

    async fn ask_by(
        &self,
        spec: CommandSpec,
        sink: &mut dyn Sink,
        cancel: &CancellationToken,
    ) -> Result<(), ComposeError> {
        let asked = exec::stream(spec, sink, cancel).await;
        let step = || format!("{} config", self.compose.name());
        let exit: Exit = asked.map_err(|source| run_error(step(), source))?;
        if exit.success() {
            return Ok(());
        }
        Err(ComposeError::Config {
            file: self.project.file.clone(),
            program: self.compose.name().to_owned(),
            exit,
        })
    }

    fn spec(&self, arguments: &[&str]) -> CommandSpec {
        let on = On {
            file: &self.place.file,
            base: &self.place.base,
            variables: &self.scratch.variables(),
        };
        self.compose
            .on_file(self.project, self.scratch, &on, arguments)
    }
}
