//! The repository of the demo.

use std::fs;

use dogi_testkit::repo::Repo;

use crate::{Result, failure::Doing as _};

/// How many lines the program prints and writes.
pub(crate) const LINES: u32 = 8;

/// From nothing: no registry is asked for a base image.
const DOCKERFILE: &str = "\
FROM scratch
COPY busybox /bin/busybox
RUN [\"/bin/busybox\", \"--install\", \"-s\", \"/bin\"]
COPY bash /bin/bash
COPY squares.sh /app/squares.sh
CMD [\"/bin/sh\", \"/app/squares.sh\"]
";

/// Busybox has no applet of that name, and `bashc` wants one.
const BASH: &str = "#!/bin/sh\nexec /bin/sh \"$@\"\n";

/// A program as people write them: it talks, and it puts its results into a file.
fn program() -> String {
    format!(
        "#!/bin/sh
mkdir -p /data
n=1
while [ $n -le {LINES} ]; do
  echo \"working on number $n of {LINES}\"
  echo \"{{\\\"number\\\": $n, \\\"square\\\": $((n * n))}}\" >> /data/squares.jsonl
  n=$((n + 1))
  sleep 0.4
done
echo done
"
    )
}

/// What the file holds at the end.
pub(crate) fn expected_file() -> String {
    (1..=LINES)
        .map(|n| format!("{{\"number\": {n}, \"square\": {}}}\n", n * n))
        .collect()
}

/// Makes the repository, with one commit.
pub(crate) fn make() -> Result<Repo> {
    let busybox = fs::read("/bin/busybox").doing("read /bin/busybox")?;
    let build = || {
        let repo = Repo::new()?;
        repo.write("Dockerfile", DOCKERFILE)?;
        repo.write("squares.sh", program())?;
        repo.write_executable("bash", BASH)?;
        repo.write_executable("busybox", busybox)?;
        repo.commit("Print and write squares")?;
        Ok::<_, dogi_testkit::Error>(repo)
    };
    build().doing("make the demo's repository")
}
