//! Images with a name, for what names one.

use dogi_testkit::{docker::Context, registry::Registry};
use tempfile::TempDir;

use super::Engine;

/// An image of busybox; its name goes with the value.
#[derive(Debug)]
pub(crate) struct Image {
    pub(crate) name: String,
}

impl Image {
    /// Built with these lines of Dockerfile and these files beside it. `name` tells it from others.
    pub(crate) fn build(name: &str, more_dockerfile: &str, files: &[(&str, &str)]) -> Self {
        let mut context = Context::bash(more_dockerfile).expect("busybox is installed");
        for (path, content) in files {
            context = context.file(path, *content);
        }
        let directory = TempDir::new().expect("a temporary directory");
        context.write_to(directory.path()).expect("written");
        let name = format!("dogi-e2e-{name}-{}:latest", std::process::id());
        let path = directory.path().to_str().expect("UTF-8");
        Engine::default().build(&name, path);
        Self { name }
    }

    /// The same by a name in a registry, which has it then, for everybody.
    pub(crate) fn publish(&self, registry: &Registry, name: &str) -> Self {
        let name = format!("{}:latest", registry.image(name));
        let engine = Engine::default();
        engine.docker(&["tag", &self.name, &name]);
        engine.docker(&["push", "--quiet", &name]);
        Self { name }
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        let mut command = std::process::Command::new("docker");
        // A test that failed has perhaps left a container of it.
        let _ = command.args(["rmi", "--force", &self.name]).output();
    }
}
