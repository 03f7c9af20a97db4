//! The command line, as a type.

/// What `cargo xtask help` prints.
pub const HELP: &str = "\
cargo xtask demo [--keep]             show dogi at work on this machine; --keep leaves it running
cargo xtask test [--heavy] [FILTER]   every test, doc tests too; --heavy: also those that need
                                      gigabytes or many minutes; FILTER: part of a test's name
cargo xtask bench [--quick] [ROW…]    measure dogi beside what it stands in for: a Markdown table
cargo xtask tidy                      assert what the compiler cannot
cargo xtask setup                     only what the others do first: packages and a Docker engine";

/// A task with its settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Task {
    /// Print [`HELP`].
    Help,
    /// Install and start what the tests need.
    Setup,
    /// Show dogi at work.
    Demo {
        /// Leave it running until Ctrl-C.
        keep: bool,
    },
    /// Run the tests.
    Test {
        /// The long and large ones too.
        heavy: bool,
        /// Only tests with this in their name.
        filter: Option<String>,
    },
    /// Measure.
    Bench {
        /// Fewer repetitions: to see that it works, not to publish.
        quick: bool,
        /// Only these rows; all when empty.
        rows: Vec<String>,
    },
    /// Assert what the compiler cannot.
    Tidy,
}

impl Task {
    /// Reads the arguments after the program's name.
    ///
    /// # Errors
    ///
    /// A sentence that names the argument that was not understood.
    pub fn parse(arguments: &[String]) -> Result<Self, String> {
        let Some((name, rest)) = arguments.split_first() else {
            return Ok(Self::Help);
        };
        let (flags, words): (Vec<&String>, Vec<&String>) =
            rest.iter().partition(|argument| argument.starts_with('-'));
        let has = |flag: &str| flags.iter().any(|given| *given == flag);
        let (task, known, words_wanted) = match name.as_str() {
            "help" | "--help" | "-h" => (Self::Help, "", 0),
            "setup" => (Self::Setup, "", 0),
            "tidy" => (Self::Tidy, "", 0),
            "demo" => (
                Self::Demo {
                    keep: has("--keep"),
                },
                "--keep",
                0,
            ),
            "test" => {
                let filter = words.first().map(|word| (*word).clone());
                (
                    Self::Test {
                        heavy: has("--heavy"),
                        filter,
                    },
                    "--heavy",
                    1,
                )
            }
            "bench" => {
                let rows = words.iter().map(|word| (*word).clone()).collect();
                (
                    Self::Bench {
                        quick: has("--quick"),
                        rows,
                    },
                    "--quick",
                    usize::MAX,
                )
            }
            _ => return Err(format!("there is no task `{name}`\n{HELP}")),
        };
        let strange = flags.iter().find(|flag| flag.as_str() != known);
        match strange.or(words.get(words_wanted)) {
            Some(argument) => Err(format!("`{name}` does not know `{argument}`\n{HELP}")),
            None => Ok(task),
        }
    }
}
