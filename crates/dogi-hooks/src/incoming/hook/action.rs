use crate::incoming::Argument;

/// What a hook does.
#[derive(Clone, Debug)]
pub enum Action {
    /// `execute-command`: runs a program on the host.
    Execute(Execute),
    /// `dogi`: starts a job.
    Dogi(Dogi),
}

/// A program and what it is given.
#[derive(Clone, Debug)]
pub struct Execute {
    /// `execute-command`: a name or a path, without arguments; also its argument 0.
    pub program: String,
    /// `command-working-directory`
    pub directory: Option<String>,
    /// `pass-arguments-to-command`
    pub arguments: Vec<Argument>,
    /// `pass-environment-to-command`
    pub environment: Vec<Variable>,
    /// `pass-file-to-command`
    pub files: Vec<FileArgument>,
    /// `reject-leading-dash`: no argument from the request may begin with `-`.
    pub rejects_leading_dash: bool,
}

/// An environment variable for a command.
#[derive(Clone, Debug)]
pub struct Variable {
    /// `envname`, else `HOOK_` and the name of the value as it is written in the file.
    pub name: String,
    /// Its value; a missing one leaves the variable unset.
    pub value: Argument,
}

/// A file for a command.
#[derive(Clone, Debug)]
pub struct FileArgument {
    /// The variable that holds its path, which its own name begins with too: `envname`, else
    /// `HOOK_` and the name of the value in upper case.
    pub variable: String,
    /// Its content; a missing one leaves the variable unset.
    pub content: Argument,
    /// `base64decode`
    pub is_base64: bool,
}

/// A job and its parameters.
#[derive(Clone, Debug)]
pub struct Dogi {
    /// In the order of the file; `repo` is one of them. Which others exist is not known here.
    pub parameters: Vec<Parameter>,
}

/// A parameter of a job.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// Its name, as in a run URL.
    pub name: String,
    /// The line of its name.
    pub line: u64,
    /// Its value.
    pub value: Argument,
}
