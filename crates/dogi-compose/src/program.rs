//! Finding Compose.

use std::{
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
    time::Duration,
};

use dogi_command::{CommandSpec, LookupError, Program};

use crate::{
    FindError, Project, environment,
    exec::{self, Said},
    scratch::Scratch,
};

/// A version is told at once, on a machine that is not too busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// The Compose of this machine: the plugin of the docker program (version 2), or the program
/// `docker-compose` (1.29, or version 2 by itself).
#[derive(Clone, Debug)]
pub struct Compose {
    program: Program,
    is_plugin: bool,
    version: String,
    docker: Result<Program, Missing>,
    search: OsString,
    plugins: Option<PathBuf>,
}

/// The files that Compose works on.
#[derive(Debug)]
pub(crate) struct On<'a> {
    /// The Compose file.
    pub(crate) file: &'a Path,
    /// What relative paths count from.
    pub(crate) base: &'a Path,
    /// What it reads instead of `.env`.
    pub(crate) variables: &'a Path,
}

/// There is no docker program, and where it was looked for.
#[derive(Clone, Debug)]
struct Missing(OsString);

impl Compose {
    /// Looks for it. `search` is a `PATH`, which the programs get too; in `home`, a user may have the
    /// docker program's plugins.
    ///
    /// # Errors
    ///
    /// [`FindError`].
    ///
    /// # Cancel safety
    ///
    /// Nothing is left behind.
    pub async fn find(search: &OsStr, home: Option<&Path>) -> Result<Self, FindError> {
        let docker = Program::find(OsStr::new("docker"), None, search);
        let mut said = String::new();
        let mut found = None;
        if let Ok(docker) = &docker {
            let spec = version_spec(docker, &["compose", "version", "--short"], search, home);
            let answer = ask("docker compose", spec).await?;
            if answer.exit.success() {
                found = Some((docker.clone(), true, answer.text));
            } else {
                said = answer.text;
            }
        }
        let (program, is_plugin, version) = match found {
            Some(found) => found,
            None => standalone(search, home, said).await?,
        };
        let plugins = home.map(|home| home.join(".docker/cli-plugins"));
        Ok(Self {
            program,
            is_plugin,
            version,
            docker: docker.map_err(|_| Missing(search.to_owned())),
            search: search.to_owned(),
            plugins: plugins.filter(|directory| directory.is_dir()),
        })
    }

    /// What it says its version is.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// What a person would type.
    pub fn name(&self) -> &'static str {
        if self.is_plugin {
            "docker compose"
        } else {
            "docker-compose"
        }
    }

    /// Whether it is the first version, whose options and output differ.
    pub(crate) fn is_first(&self) -> bool {
        self.version.trim_start_matches('v').starts_with("1.")
    }

    pub(crate) fn docker(&self) -> Result<&Program, LookupError> {
        self.docker
            .as_ref()
            .map_err(|missing| LookupError::NotInPath {
                command: "docker".into(),
                search: missing.0.clone(),
            })
    }

    pub(crate) fn search(&self) -> &OsStr {
        &self.search
    }

    pub(crate) fn plugins(&self) -> Option<&Path> {
        self.plugins.as_deref()
    }

    /// Compose for one file, with all that decides what it works on.
    pub(crate) fn on_file(
        &self,
        project: &Project,
        scratch: &Scratch,
        on: &On<'_>,
        arguments: &[&str],
    ) -> CommandSpec {
        let mut all: Vec<OsString> = vec!["--ansi".into(), "never".into()];
        all.extend(["--file".into(), on.file.into()]);
        all.extend(["--project-name".into(), project.name.as_str().into()]);
        all.extend(["--project-directory".into(), on.base.into()]);
        all.extend(["--env-file".into(), on.variables.into()]);
        all.extend(arguments.iter().map(OsString::from));
        let mut spec = self.command(all);
        let (name, engine, given) = (&project.name, &project.engine, &project.environment);
        spec.environment = environment::of_programs(self, name, engine, scratch, given);
        spec.working_directory = Some(on.base.to_owned());
        spec
    }

    /// Compose with arguments, and no environment yet.
    pub(crate) fn command(&self, arguments: Vec<OsString>) -> CommandSpec {
        let first = self.is_plugin.then(|| OsString::from("compose"));
        let name = if self.is_plugin {
            "docker"
        } else {
            "docker-compose"
        };
        let mut spec = CommandSpec::new(self.program.clone(), name);
        spec.arguments = first.into_iter().chain(arguments).collect();
        spec
    }
}

async fn standalone(
    search: &OsStr,
    home: Option<&Path>,
    said: String,
) -> Result<(Program, bool, String), FindError> {
    let name = "docker-compose";
    let Ok(program) = Program::find(OsStr::new(name), None, search) else {
        let search = search.to_owned();
        return Err(FindError::Neither { search, said });
    };
    let spec = version_spec(&program, &["version", "--short"], search, home);
    let answer = ask(name, spec).await?;
    if !answer.exit.success() {
        return Err(FindError::Broken {
            program: name.to_owned(),
            exit: answer.exit,
            said: answer.text,
        });
    }
    Ok((program, false, answer.text))
}

fn version_spec(
    program: &Program,
    arguments: &[&str],
    search: &OsStr,
    home: Option<&Path>,
) -> CommandSpec {
    let name = program.path().file_name().unwrap_or_default();
    let mut spec = CommandSpec::new(program.clone(), name);
    spec.arguments = arguments.iter().map(OsString::from).collect();
    spec.environment = vec![("PATH".into(), search.to_owned())];
    let home = home.map(|home| ("HOME".into(), home.as_os_str().to_owned()));
    spec.environment.extend(home);
    spec.limits.time = Some(PATIENCE);
    spec
}

async fn ask(program: &str, spec: CommandSpec) -> Result<Said, FindError> {
    let asked = exec::collect(spec).await;
    asked.map_err(|source| FindError::Start {
        program: program.to_owned(),
        source,
    })
}
