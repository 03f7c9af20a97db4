use xtask::test::runner::summarise;

fn lines(text: &str) -> Vec<String> {
    summarise("doc tests", text.lines().map(|line| line.trim().to_owned()))
}

#[test]
fn nextest_says_it_itself() {
    let line = "Summary [  12.3s] 340 tests run: 340 passed, 2 skipped";
    assert_eq!(lines(line), [line]);
}

#[test]
fn the_lines_of_cargo_are_added_up() {
    let text = "\
        test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.1s
        test result: FAILED. 4 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1s";
    assert_eq!(
        lines(text),
        ["doc tests: 7 passed, 2 failed, 1 ignored, in 2 test binaries"]
    );
    assert_eq!(lines(""), [""; 0]);
}
