use dogi_testkit::forges::{Fault, Forge, Kind};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

async fn post(forge: &Forge, path: &str, headers: &str, body: &str) -> String {
    let rest = forge.api().replace("http://", "");
    let (host, base) = rest.split_once('/').unwrap_or((rest.as_str(), ""));
    let base = if base.is_empty() {
        String::new()
    } else {
        format!("/{base}")
    };
    let mut connection = TcpStream::connect(host).await.unwrap();
    let length = body.len();
    let request = format!(
        "POST {base}{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nUser-Agent: t\r\n\
         Content-Type: application/json\r\n{headers}\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn each_forge_checks_what_it_is_told() {
    let long = format!(
        r#"{{"state":"success","description":"{}"}}"#,
        "x".repeat(141)
    );
    let github = format!("/repos/acme/app/statuses/{COMMIT}");
    let gitlab = format!("/projects/group%2Fapp/statuses/{COMMIT}");
    let (bearer, token, private) = (
        "Authorization: Bearer s",
        "Authorization: token s",
        "PRIVATE-TOKEN: s",
    );
    let good = r#"{"state":"success","context":"c","description":"d","target_url":"https://x/"}"#;
    let cases = [
        (Kind::GitHub, &github, bearer, good, "201"),
        (Kind::Gitea, &github, token, good, "201"),
        (Kind::GitLab, &gitlab, private, good, "201"),
        (Kind::GitHub, &github, token, good, "401"),
        (Kind::Gitea, &github, private, good, "401"),
        (Kind::GitLab, &gitlab, bearer, good, "401"),
        (Kind::GitHub, &gitlab, bearer, good, "404"),
        (Kind::GitLab, &github, private, good, "404"),
        (
            Kind::GitHub,
            &github.replace("app", "other"),
            bearer,
            good,
            "404",
        ),
        (
            Kind::GitHub,
            &github.replace("0123", ""),
            bearer,
            good,
            "404",
        ),
        (Kind::GitHub, &github, bearer, &long, "422"),
        (Kind::GitLab, &gitlab, private, &long, "201"),
        (
            Kind::GitHub,
            &github,
            bearer,
            r#"{"state":"failed"}"#,
            "422",
        ),
        (
            Kind::GitLab,
            &gitlab,
            private,
            r#"{"state":"failure"}"#,
            "400",
        ),
        (Kind::GitHub, &github, bearer, "{", "400"),
    ];
    for (kind, path, login, body, wanted) in cases {
        let forge = Forge::start(kind, "s", &["acme/app", "group/app"])
            .await
            .unwrap();
        let answer = post(&forge, path, login, body).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {wanted} ")),
            "{kind:?} {path} {answer}"
        );
        assert_eq!(forge.told().len(), usize::from(wanted == "201"));
    }
}

#[tokio::test]
async fn gitlab_has_no_step_from_pending_to_pending() {
    let forge = Forge::start(Kind::GitLab, "s", &["group/app"])
        .await
        .unwrap();
    let path = format!("/projects/group%2Fapp/statuses/{COMMIT}");
    let mut answers = Vec::new();
    for state in ["pending", "pending", "success", "pending"] {
        let body = format!(r#"{{"state":"{state}"}}"#);
        answers.push(post(&forge, &path, "PRIVATE-TOKEN: s", &body).await);
    }
    let statuses: Vec<_> = answers.iter().map(|answer| &answer[9..12]).collect();
    assert_eq!(statuses, ["201", "400", "201", "201"]);
    assert!(answers[1].contains("Cannot transition status via :enqueue from :pending"));
    assert_eq!(forge.wait_for(3).await.unwrap()[1].state, "success");
}

#[tokio::test]
async fn it_goes_wrong_as_told_and_once() {
    let forge = Forge::start(Kind::GitHub, "s", &["acme/app"])
        .await
        .unwrap();
    forge
        .once(Fault::RetryAfter(403, 7))
        .once(Fault::LimitUntil(99))
        .once(Fault::TakeAndClose);
    let path = format!("/repos/acme/app/statuses/{COMMIT}");
    let body = r#"{"state":"success"}"#;
    let wanted = [
        "retry-after: 7\r\n",
        "x-ratelimit-reset: 99\r\n",
        "",
        "HTTP/1.1 201 ",
    ];
    for wanted in wanted {
        let answer = post(&forge, &path, "Authorization: Bearer s", body).await;
        assert!(answer.contains(wanted), "{answer}");
        assert_eq!(answer.is_empty(), wanted.is_empty());
    }
    assert_eq!((forge.requests(), forge.told().len()), (4, 2));
}
