//! Which events of forges start something: rules of an operator, the first that matches the
//! repository decides. Pure.
//!
//! ```
//! use dogi_hooks::forge::{Forge, Verified, Word};
//! use dogi_hooks::rules::{Changed, Decision, Filter, On, OnPush, RepoPattern, Rule, decide};
//!
//! let push = OnPush {
//!     branches: Some(Filter::new(["main", "release/*", "!release/old-*"])?),
//!     ..OnPush::default()
//! };
//! let on = On { push: Some(push), ..On::nothing() };
//! let rules = [Rule { line: 7, pattern: RepoPattern::new("git.example/acme/*")?, on }];
//!
//! let event = |branch: &str| {
//!     let payload = format!(r#"{{"ref": "refs/heads/{branch}",
//!       "before": "1111111111111111111111111111111111111111",
//!       "after": "2222222222222222222222222222222222222222",
//!       "repository": {{"full_name": "acme/app", "clone_url": "https://git.example/acme/app.git"}}}}"#);
//!     let origin = Some((Forge::Gitea, Word::new("push")?));
//!     let read = Verified::danger_unverified(origin, None, payload.into()).event()?;
//!     Ok::<_, Box<dyn std::error::Error>>(read)
//! };
//! let decided = decide(&rules, &event("release/2.0")?, Changed::AsTold);
//! assert_eq!(decided, Decision::Hit { rule: 0 });
//! let decided = decide(&rules, &event("dev")?, Changed::AsTold);
//! assert_eq!(
//!     decided.to_string(),
//!     "line 7: the branch \"dev\" is not among `branches`: main, release/*, !release/old-*",
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What a rule waits for
//!
//! [`On::default`], for a rule that does not say: every push to a branch, and what somebody starts
//! by hand. A rule that says so waits for nothing else than what it names. The deletion of a branch
//! or tag never starts anything. Tags start something only where [`OnPush::tags`] asks for them; a
//! push that asks for tags and not for branches is for tags alone, as in GitHub's workflows.
//!
//! # Changed files
//!
//! `paths` are asked about pushes to branches and about pull requests, and want one file that they
//! accept. Where the payload does not list the files ([`Event::paths`](crate::forge::Event::paths))
//! the answer is [`Decision::NeedsChangedPaths`]: look with git, and ask again with
//! [`Changed::Files`], or with [`Changed::Unknown`] where git can't tell either, which starts it.
//!
//! # Limitations
//!
//! Patterns are those of `globset`, not GitHub's: `?` is one character, `+` itself. Names are
//! compared as the forge writes them: only the host's case does not count.

mod decide;
mod explain;
mod filter;
mod glob;
mod on;
mod repo_pattern;
mod why;

pub use decide::{Changed, Decision, Rule, decide, decide_for};
pub use explain::{explain, explain_for};
pub use filter::{Filter, FilterError};
pub use glob::{Pattern, PatternError};
pub use on::{On, OnCreate, OnPullRequest, OnPush, OnRelease};
pub use repo_pattern::RepoPattern;
pub use why::Why;
