//! How a database of an older version becomes one of this version.

use rusqlite::Connection;

/// The module itself: nothing outside of it can give the program versions that it does not have.
#[path = "../../src/schema.rs"]
mod schema;

fn version(connection: &Connection) -> i32 {
    let version = connection.pragma_query_value(None, "user_version", |row| row.get(0));
    version.expect("a version")
}

fn keys(connection: &Connection) -> Vec<String> {
    let mut select = connection
        .prepare("SELECT key FROM kept ORDER BY key")
        .expect("the table is there");
    let keys = select.query_map([], |row| row.get(0)).expect("rows");
    keys.collect::<Result<_, _>>().expect("text")
}

const FIRST: &str =
    "CREATE TABLE kept (key TEXT NOT NULL) STRICT; INSERT INTO kept VALUES ('one');";
const SECOND: &str =
    "ALTER TABLE kept ADD COLUMN size INTEGER; INSERT INTO kept VALUES ('two', 2);";
const BROKEN: &str = "INSERT INTO kept VALUES ('three', 3); INSERT INTO nowhere VALUES (1);";

#[test]
fn an_older_database_takes_only_the_steps_that_it_lacks() {
    let mut connection = Connection::open_in_memory().expect("a database");
    schema::migrate_by(&mut connection, &[FIRST]).expect("version 1");
    assert_eq!(
        (version(&connection), keys(&connection)),
        (1, vec!["one".to_owned()])
    );
    for _ in 0..2 {
        schema::migrate_by(&mut connection, &[FIRST, SECOND]).expect("version 2");
        assert_eq!(version(&connection), 2);
        assert_eq!(keys(&connection), ["one", "two"]);
    }
}

#[test]
fn a_step_that_fails_leaves_the_version_before_it() {
    let mut connection = Connection::open_in_memory().expect("a database");
    schema::migrate_by(&mut connection, &[FIRST]).expect("version 1");
    schema::migrate_by(&mut connection, &[FIRST, SECOND, BROKEN]).expect_err("step 3 fails");
    assert_eq!(version(&connection), 2, "step 2 is whole");
    assert_eq!(
        keys(&connection),
        ["one", "two"],
        "of step 3 there is nothing"
    );
}

#[test]
fn every_step_of_the_program_itself_is_taken() {
    let mut connection = Connection::open_in_memory().expect("a database");
    schema::migrate(&mut connection).expect("the newest version");
    assert_eq!(version(&connection), schema::VERSION);
}
