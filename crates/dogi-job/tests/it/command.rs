//! A run that is a command on the machine itself.

use dogi_job::{Effect, Event, HostCommand, Run, RunId, Spec, State, StopCause, UnixMillis};
use dogi_url::{InstanceId, Namespace, RepoUrl};

fn command() -> Spec {
    let command = HostCommand {
        name: "deploy".to_owned(),
        running: 1,
        queued: 10,
    };
    Spec::of_command(&Namespace::default(), command)
}

fn run() -> Run {
    Run::new(RunId::from_bytes([1; 16]), command(), UnixMillis(0))
}

fn wanted(run: &Run) -> Vec<Effect> {
    run.wanted(UnixMillis(1)).effects.into_values().collect()
}

#[test]
fn it_needs_no_files_and_no_image() {
    let mut run = run();
    assert_eq!(wanted(&run), []);
    let started = Event::Started {
        container: "the command \"deploy\"".to_owned(),
    };
    let exited = Event::Exited {
        code: 0,
        out_of_memory: false,
    };
    let steps = [
        (Event::Admitted, State::Running, vec![Effect::Command]),
        (started, State::Running, vec![Effect::Command]),
        (exited, State::Running, vec![Effect::Cleanup]),
        (Event::CleanedUp, State::Succeeded, vec![]),
    ];
    for (event, state, effects) in steps {
        run.apply(UnixMillis(1), &event);
        assert_eq!((run.state(), wanted(&run)), (state, effects), "{event:?}");
    }
    let status = run.status();
    assert_eq!(status.hook.as_deref(), Some("deploy"));
    assert_eq!((status.image, status.commit), (None, None));
}

#[test]
fn one_that_waits_and_is_lost_is_over_at_once() {
    let mut run = run();
    let reason = "the server ended before the command began".to_owned();
    let lost = Event::StopRequested {
        cause: StopCause::Lost { reason },
    };
    run.apply(UnixMillis(1), &lost);
    assert_eq!(run.state(), State::Lost);
    assert_eq!(wanted(&run), []);
}

#[test]
fn its_instance_is_that_of_no_repository() {
    let namespace = Namespace::default();
    let instance = command().instance;
    assert_eq!(
        instance.to_string().parse::<InstanceId>(),
        Ok(instance.clone())
    );
    assert_ne!(instance, InstanceId::of_hook(&namespace, "deploy2"));
    let repo = RepoUrl::from_clone_url("https://github.com/o/r.git").expect("a repository");
    assert_ne!(instance, InstanceId::new(&namespace, &repo, None));
}
