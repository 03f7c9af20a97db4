//! Whose doing a container's end was: pure, by table.

use dogi_docker::{Evidence, Exit};

fn exited(code: i64) -> Exit {
    let mut exit = Exit::default();
    exit.code = code;
    exit
}

#[test]
fn by_the_engine_or_not() {
    let seen = |live_restore, start, die, stop, restarted| Evidence {
        live_restore,
        start,
        die,
        stop,
        restarted,
    };
    let yes = Some(true);
    // (code, evidence, by the engine, witnessed)
    let cases = [
        // The engine was there all the time.
        (0, seen(false, true, true, false, None), false, true),
        (137, seen(false, true, true, false, None), false, true),
        (255, seen(false, true, true, false, None), false, true),
        // It is so busy that it has forgotten the start, or everything.
        (137, seen(false, false, true, false, None), false, true),
        (
            137,
            seen(false, false, false, false, Some(false)),
            false,
            true,
        ),
        // It was stopped, or the machine was.
        (137, seen(false, false, false, false, yes), true, false),
        (137, seen(false, false, false, false, None), true, false),
        (255, seen(false, false, false, false, yes), true, false),
        (255, seen(true, false, false, false, None), true, false),
        // It had ended before.
        (3, seen(false, false, false, false, yes), false, false),
        (0, seen(false, false, false, false, None), false, false),
        // The engine crashed, and ended it when it came back.
        (137, seen(false, false, true, true, yes), true, true),
        (137, seen(false, false, true, true, None), true, true),
        // It lived through a restart.
        (5, seen(true, false, true, false, None), false, true),
        (137, seen(true, false, true, false, None), false, true),
        (255, seen(true, false, true, false, None), false, true),
        // It ended while the engine was away.
        (5, seen(true, false, false, false, None), false, false),
        (137, seen(true, false, false, false, None), false, false),
    ];
    for (code, evidence, by_engine, witnessed) in cases {
        let exit = exited(code);
        let found = evidence.judge(exit);
        assert_eq!(
            (found.by_engine, found.witnessed),
            (by_engine, witnessed),
            "{code} {evidence:?}"
        );
    }
}
