//! To a real mail server on loopback.

use std::time::Duration;

use dogi_hooks::{
    Cancelled, Outcome,
    forge::Line,
    incoming::Secret,
    mail::{Mail, MailServer, Mailer, TransportSecurity},
};
use dogi_testkit::{
    certificate::Certificate,
    proc::free_port,
    receiver::{Answer, Receiver},
    silent,
    smtp::{self, Mode, Received},
};
use tokio_util::sync::CancellationToken;

use super::{address, result};

const PASSWORD: &str = "s3same-öpen";

fn mail(to: &str) -> Mail {
    let log = "\x1b[32mok\x1b[m <b>ü</b>\n.\n..\nFrom here\n".to_owned() + &"long ".repeat(500);
    result(log.as_bytes()).written(&address("dogi <ci@acme.example>"), &address(to))
}

fn mailer(server: MailServer) -> Mailer {
    Mailer::new(server, &address("ci@acme.example")).unwrap()
}

fn at(server: &smtp::Server, security: TransportSecurity) -> MailServer {
    let roots = server
        .certificate()
        .map(|certificate| certificate.pem().unwrap());
    MailServer::new("127.0.0.1", server.address().port())
        .security(security)
        .roots(roots.unwrap_or_default())
}

async fn send(mailer: &Mailer, to: &str) -> Outcome {
    mailer
        .attempt(&mail(to), &CancellationToken::new())
        .await
        .unwrap()
}

fn only(server: &smtp::Server) -> Received {
    let mut received = server.received().unwrap();
    assert_eq!(received.len(), 1, "{}", server.output());
    received.remove(0)
}

#[test]
fn how_a_connection_is_protected_by_itself() {
    use TransportSecurity::{Opportunistic, StartTls, Tls};
    let cases = [
        ("mail.example", 587, StartTls),
        ("mail.example", 25, StartTls),
        ("192.0.2.1", 2525, StartTls),
        ("localhost.example", 25, StartTls),
        ("mail.example", 465, Tls),
        ("localhost", 465, Tls),
        ("localhost", 25, Opportunistic),
        ("LOCALHOST.", 25, Opportunistic),
        ("mail.localhost", 25, Opportunistic),
        ("127.1.2.3", 587, Opportunistic),
        ("::1", 587, Opportunistic),
        ("[::1]", 587, Opportunistic),
        ("::ffff:127.0.0.1", 25, Opportunistic),
    ];
    for (host, port, wanted) in cases {
        assert_eq!(
            MailServer::new(host, port).security,
            wanted,
            "{host}:{port}"
        );
    }
}

#[tokio::test]
async fn a_mail_arrives_whole() {
    let server = smtp::Server::builder(Mode::Plain).start().await.unwrap();
    let mailer = mailer(at(&server, TransportSecurity::Opportunistic));
    assert_eq!(
        send(&mailer, "Team Ä <team@acme.example>").await,
        Outcome::Told
    );

    let mail = only(&server);
    assert_eq!(mail.defects, [""; 0]);
    assert_eq!(
        (mail.from.as_str(), &mail.to[..]),
        ("ci@acme.example", &["team@acme.example".to_owned()][..])
    );
    assert_eq!(
        (mail.helo.as_str(), mail.tls, mail.login.as_deref()),
        ("acme.example", false, None)
    );
    assert_eq!(
        mail.parts,
        ["multipart/alternative", "text/plain", "text/html"]
    );
    let header = |name| mail.header(name).collect::<Vec<_>>();
    assert_eq!(header("subject"), ["[acme/app] abc1234 failure"]);
    assert_eq!(header("to"), ["Team Ä <team@acme.example>"]);
    assert_eq!(header("auto-submitted"), ["auto-generated"]);
    assert_eq!(header("message-id").len(), 1);
    assert!(
        mail.text
            .contains("\nok <b>ü</b>\n.\n..\nFrom here\nlong long "),
        "{}",
        mail.text
    );
    assert!(
        mail.text.ends_with("\nRun: 0192f0c1-run-17\n"),
        "{}",
        mail.text
    );
    assert!(
        mail.html
            .contains("<span style=\"color:#6cb86c\">ok</span> &lt;b&gt;ü&lt;/b&gt;\n.\n..\n")
    );
}

#[tokio::test]
async fn tls_at_once_or_by_starttls_and_a_login() {
    let cases = [
        (Mode::StartTls, TransportSecurity::StartTls),
        (Mode::StartTls, TransportSecurity::Opportunistic),
        (Mode::Tls, TransportSecurity::Tls),
    ];
    for (mode, security) in cases {
        let server = smtp::Server::builder(mode)
            .login("ci", PASSWORD)
            .start()
            .await
            .unwrap();
        let known = at(&server, security).login("ci", Secret::new(PASSWORD));
        assert_eq!(
            send(&mailer(known), "team@acme.example").await,
            Outcome::Told,
            "{mode:?} {security:?}: {}",
            server.output()
        );
        let mail = only(&server);
        assert_eq!((mail.tls, mail.login.as_deref()), (true, Some("ci")));

        let unknown = at(&server, security).login("ci", Secret::new("wr0ng-pass"));
        let refused = send(&mailer(unknown), "team@acme.example").await;
        let text = refused.to_string();
        assert!(matches!(refused, Outcome::Refused { .. }), "{text}");
        assert!(text.contains("535") && !text.contains("wr0ng"), "{text}");
    }
}

#[tokio::test]
async fn without_starttls_nothing_is_told() {
    let server = smtp::Server::builder(Mode::Plain).start().await.unwrap();
    let mailer =
        mailer(at(&server, TransportSecurity::StartTls).login("ci", Secret::new(PASSWORD)));
    let refused = send(&mailer, "team@acme.example").await;
    assert!(
        matches!(&refused, Outcome::Refused { reason } if reason.contains("STARTTLS")),
        "{refused}"
    );
    assert!(server.received().unwrap().is_empty());
}

#[tokio::test]
async fn certificates_are_verified() {
    let server = smtp::Server::builder(Mode::StartTls)
        .names(&["DNS:other.example"])
        .start()
        .await
        .unwrap();
    let stranger = Certificate::new(&["IP:127.0.0.1"]).unwrap();
    let cases = [
        // Trusted, and another's name.
        at(&server, TransportSecurity::StartTls),
        // Not trusted.
        at(&server, TransportSecurity::StartTls).roots(stranger.pem().unwrap()),
    ];
    for server_settings in cases {
        let outcome = send(&mailer(server_settings), "team@acme.example").await;
        let text = outcome.to_string();
        assert!(matches!(outcome, Outcome::Retry { .. }), "{text}");
        assert!(text.contains("certificate"), "{text}");
    }
    assert!(server.received().unwrap().is_empty());
    // On this machine nobody is between.
    let loopback = MailServer::new("127.0.0.1", server.address().port());
    assert_eq!(
        send(&mailer(loopback), "team@acme.example").await,
        Outcome::Told
    );
    assert!(only(&server).tls);
}

#[tokio::test]
async fn answers_say_whether_to_come_again() {
    let words = "\x1b[31mno such user";
    let server = smtp::Server::builder(Mode::Plain)
        .words(words)
        .start()
        .await
        .unwrap();
    let mailer = mailer(at(&server, TransportSecurity::Opportunistic));
    let later = send(&mailer, "later-451@acme.example").await;
    let reason = "the mail server answered 451: \u{fffd}[31mno such user".to_owned();
    assert_eq!(
        later,
        Outcome::Retry {
            after: None,
            reason
        }
    );
    let never = send(&mailer, "never-550@acme.example").await;
    let reason = "the mail server answered 550: \u{fffd}[31mno such user".to_owned();
    assert_eq!(never, Outcome::Refused { reason });
    assert_eq!(send(&mailer, "team@acme.example").await, Outcome::Told);
}

#[tokio::test]
async fn servers_that_are_not_there_or_speak_something_else() {
    let nobody = mailer(MailServer::new("127.0.0.1", free_port().unwrap()));
    let outcome = send(&nobody, "team@acme.example").await;
    assert!(
        matches!(&outcome, Outcome::Retry { reason, .. } if reason.contains("refused")),
        "{outcome}"
    );

    let receiver = Receiver::start().await.unwrap();
    receiver.always(Answer::status(200));
    let receiver = MailServer::new("127.0.0.1", receiver.address().port());
    let limit = Duration::from_millis(300);
    let outcome = send(&mailer(receiver).limit(limit), "team@acme.example").await;
    assert!(matches!(outcome, Outcome::Retry { .. }), "{outcome}");
}

#[tokio::test]
async fn a_server_that_hangs_is_given_up_and_cancelling_ends_it() {
    let silent = silent::Server::start().await.unwrap();
    let mailer = mailer(MailServer::new("127.0.0.1", silent.address().port()));
    let hasty = mailer.clone().limit(Duration::from_millis(300));
    let outcome = send(&hasty, "team@acme.example").await;
    assert_eq!(
        outcome.to_string(),
        "not now: the mail server took longer than 300ms"
    );

    let server = smtp::Server::builder(Mode::Plain).start().await.unwrap();
    let hanging = mailer_of(&server).limit(Duration::from_millis(500));
    assert!(matches!(
        send(&hanging, "hang@acme.example").await,
        Outcome::Retry { .. }
    ));

    let token = CancellationToken::new();
    let message = mail("team@acme.example");
    let sending = mailer.attempt(&message, &token);
    let cancelling = async {
        silent.wait_for_connections(2).await.unwrap();
        token.cancel();
    };
    assert_eq!(tokio::join!(sending, cancelling).0, Err(Cancelled));
}

fn mailer_of(server: &smtp::Server) -> Mailer {
    mailer(at(server, TransportSecurity::Opportunistic))
}

#[tokio::test]
async fn what_somebody_wrote_stays_text_all_the_way() {
    let server = smtp::Server::builder(Mode::Plain).start().await.unwrap();
    let mut evil = result(b".\r\n.\r\nQUIT\r\nRCPT TO:<evil@example.org>\r\n");
    evil.branch = Some(Line::first_of("x\r\nBcc: evil@example.org\r\n\r\n<b>"));
    evil.title = Some(Line::first_of("\r\nSubject: mine\u{202e}"));
    let mail = evil.written(
        &address("ci@acme.example"),
        &address("\"a, b@c.example\" <team@acme.example>"),
    );
    let told = mailer_of(&server)
        .attempt(&mail, &CancellationToken::new())
        .await;
    assert_eq!(told, Ok(Outcome::Told));
    let mail = only(&server);
    assert_eq!(mail.to, ["team@acme.example"]);
    assert_eq!(
        mail.header("bcc").count() + mail.header("subject").count(),
        1
    );
    assert!(
        mail.text
            .contains("\n.\n.\nQUIT\nRCPT TO:<evil@example.org>\n"),
        "{}",
        mail.text
    );
    assert!(
        mail.text
            .contains("Branch: x\nMessage: Subject: mine\u{fffd}\n"),
        "{}",
        mail.text
    );
    assert_eq!(mail.defects, [""; 0]);
}

#[test]
fn settings_that_can_not_be_used() {
    let from = address("ci@acme.example");
    let cases = [
        (MailServer::new("", 25), "`` is no host of a mail server"),
        (
            MailServer::new("mail.example\r\nX", 25),
            "`mail.example\\r\\nX` is no host of a mail server",
        ),
        (
            MailServer::new("mail.example", 587).roots("no certificate"),
            "the certificates for the mail server `mail.example` are no certificates in PEM",
        ),
    ];
    for (server, wanted) in cases {
        assert_eq!(Mailer::new(server, &from).unwrap_err().to_string(), wanted);
    }
    let server = MailServer::new("mail.example", 25).login("ci", Secret::new("hunter2"));
    let mailer = mailer(server.roots(Certificate::new(&["DNS:x"]).unwrap().pem().unwrap()));
    assert!(!format!("{mailer:?}").contains("hunter2"));
}
