use dogi_testkit::smtp::{Mode, Server};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

/// Sends lines one after the other and tells the last line of each answer, the greeting first.
async fn talk(server: &Server, lines: &[&str]) -> Vec<String> {
    let mut connection = BufReader::new(TcpStream::connect(server.address()).await.unwrap());
    let mut answers = Vec::new();
    for line in std::iter::once(&"").chain(lines) {
        if !line.is_empty() {
            let line = format!("{line}\r\n");
            connection
                .get_mut()
                .write_all(line.as_bytes())
                .await
                .unwrap();
        }
        let mut answer = String::new();
        while answer.get(3..4) != Some(" ") {
            answer.clear();
            let read = connection.read_line(&mut answer).await.unwrap();
            assert_ne!(read, 0, "{}", server.output());
        }
        answers.push(answer.trim_end().to_owned());
    }
    answers
}

#[tokio::test]
async fn mails_are_kept_and_read() {
    let server = Server::builder(Mode::Plain)
        .words("so be it")
        .start()
        .await
        .unwrap();
    let lines = [
        "EHLO client.example",
        "MAIL FROM:<a@x.example>",
        "RCPT TO:<never-550@x.example>",
        "RCPT TO:<b@x.example>",
        "DATA",
        "Subject: =?utf-8?Q?=C3=BC?=\r\nContent-Type: text/plain\r\n\r\n..dot\r\n.",
        "QUIT",
    ];
    let answers = talk(&server, &lines).await;
    assert_eq!(answers[3], "550 so be it");
    assert_eq!(answers[6], "250 taken");
    let received = server.received().unwrap();
    let [mail] = &received[..] else {
        panic!("{received:?}")
    };
    assert_eq!(
        (mail.from.as_str(), mail.to.as_slice()),
        ("a@x.example", &["b@x.example".to_owned()][..])
    );
    assert_eq!((mail.helo.as_str(), mail.tls), ("client.example", false));
    assert_eq!(mail.header("subject").collect::<Vec<_>>(), ["ü"]);
    assert_eq!(mail.text.trim_end(), ".dot");
    assert!(mail.raw.starts_with("Subject: =?utf-8?Q?"));
}

#[tokio::test]
async fn nothing_is_taken_without_tls_or_login_where_they_are_asked_for() {
    let server = Server::builder(Mode::StartTls).start().await.unwrap();
    let answers = talk(&server, &["EHLO x", "MAIL FROM:<a@x.example>"]).await;
    assert!(answers[2].starts_with("530 "), "{answers:?}");
    let server = Server::builder(Mode::Plain)
        .login("u", "p")
        .start()
        .await
        .unwrap();
    let answers = talk(
        &server,
        &["EHLO x", "MAIL FROM:<a@x.example>", "AUTH PLAIN AHUAeA=="],
    )
    .await;
    assert!(
        answers[2].starts_with("530 ") && answers[3].starts_with("535 "),
        "{answers:?}"
    );
}
