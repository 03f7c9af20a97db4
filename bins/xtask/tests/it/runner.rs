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
fn what_is_to_be_looked_into_follows_the_summary() {
    let text = "\
        test result: FAILED. 0 passed; 1 failed; 0 ignored; 0 measured; 167 filtered out; finished in 1s
        FAIL [   1.0s] (1/3) dogi::e2e a
        Summary [  12.3s] 3 tests run: 2 passed (1 flaky), 1 failed, 2 skipped
        TRY 2 FAIL [   1.0s] (1/3) dogi::e2e a
        FLAKY 2/2 [   1.0s] (2/3) dogi::e2e b
        FAIL [   1.0s] (1/3) dogi::e2e a";
    let all: Vec<_> = text.lines().map(str::trim).collect();
    assert_eq!(lines(text), all[2..]);
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
