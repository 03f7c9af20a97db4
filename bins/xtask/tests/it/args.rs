use xtask::args::Task;

fn parse(line: &str) -> Result<Task, String> {
    let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
    Task::parse(&words)
}

#[test]
fn every_task_is_understood() {
    let filter = |text: &str| Some(text.to_owned());
    let cases = [
        ("", Task::Help),
        ("--help", Task::Help),
        ("setup", Task::Setup),
        ("tidy", Task::Tidy),
        ("demo", Task::Demo { keep: false }),
        ("demo --keep", Task::Demo { keep: true }),
        (
            "test",
            Task::Test {
                heavy: false,
                filter: None,
            },
        ),
        (
            "test --heavy",
            Task::Test {
                heavy: true,
                filter: None,
            },
        ),
        (
            "test follow",
            Task::Test {
                heavy: false,
                filter: filter("follow"),
            },
        ),
        (
            "test follow --heavy",
            Task::Test {
                heavy: true,
                filter: filter("follow"),
            },
        ),
        (
            "bench",
            Task::Bench {
                quick: false,
                rows: vec![],
            },
        ),
        (
            "bench --quick warm cold",
            Task::Bench {
                quick: true,
                rows: vec!["warm".to_owned(), "cold".to_owned()],
            },
        ),
    ];
    for (line, wanted) in cases {
        assert_eq!(parse(line), Ok(wanted), "{line}");
    }
}

#[test]
fn what_is_not_understood_is_named() {
    for (line, named) in [
        ("dmeo", "`dmeo`"),
        ("demo --kepe", "`--kepe`"),
        ("demo now", "`now`"),
        ("test one two", "`two`"),
        ("tidy --heavy", "`--heavy`"),
    ] {
        let mistake = parse(line).expect_err(line);
        assert!(mistake.contains(named), "{line}: {mistake}");
    }
}
