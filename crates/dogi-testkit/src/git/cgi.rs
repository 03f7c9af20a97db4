//! One request through `git http-backend`, as RFC 3875 has it; bodies are streamed
//! both ways.

use std::{convert::Infallible, io, path::Path, process::Stdio};

use bytes::Bytes;
use http_body_util::{BodyExt, Channel, combinators::BoxBody};
use hyper::{HeaderMap, Response, body::Incoming, header::HeaderName, http::request::Parts};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    process::{ChildStdin, ChildStdout, Command},
};

use crate::repo::surroundings;

pub(super) type Body = BoxBody<Bytes, Infallible>;

/// Stop in the middle of the body after so many bytes, and say no more.
pub(super) type StallAfter = Option<usize>;

/// A request, and who is told of its body as it passes.
pub(super) struct Input<F> {
    pub(super) parts: Parts,
    pub(super) body: Incoming,
    pub(super) record: F,
}

pub(super) async fn answer(
    backend: &Path,
    root: &Path,
    request: Input<impl Fn(&[u8]) + Send + 'static>,
    stall: StallAfter,
) -> io::Result<Response<Body>> {
    let Input {
        parts: request,
        body,
        record,
    } = request;
    let mut command = Command::from(surroundings(std::process::Command::new(backend)));
    command
        .env("GIT_PROJECT_ROOT", root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("REQUEST_METHOD", request.method.as_str())
        .env("PATH_INFO", request.uri.path())
        .env("QUERY_STRING", request.uri.query().unwrap_or_default())
        .env("REMOTE_ADDR", "127.0.0.1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true);
    pass(
        &mut command,
        &request.headers,
        "content-type",
        "CONTENT_TYPE",
    );
    pass(
        &mut command,
        &request.headers,
        "content-length",
        "CONTENT_LENGTH",
    );
    pass(
        &mut command,
        &request.headers,
        "content-encoding",
        "HTTP_CONTENT_ENCODING",
    );
    pass(
        &mut command,
        &request.headers,
        "git-protocol",
        "GIT_PROTOCOL",
    );
    let mut child = command.spawn()?;
    let (input, output) = (child.stdin.take(), child.stdout.take());
    let (Some(input), Some(output)) = (input, output) else {
        return Err(io::Error::other("git http-backend has no pipes"));
    };
    tokio::spawn(feed(body, input, record));
    let mut output = BufReader::new(output);
    let mut response = head(&mut output).await?;
    let (sender, channel) = Channel::new(4);
    *response.body_mut() = channel.boxed();
    tokio::spawn(async move {
        copy(output, sender, stall).await;
        // The child goes with this task: killed when the client left early.
        drop(child);
    });
    Ok(response)
}

fn pass(command: &mut Command, headers: &HeaderMap, name: &str, variable: &str) {
    if let Some(value) = headers.get(name).and_then(|value| value.to_str().ok()) {
        command.env(variable, value);
    }
}

async fn feed(mut body: Incoming, mut input: ChildStdin, record: impl Fn(&[u8])) {
    while let Some(Ok(frame)) = body.frame().await {
        let Ok(data) = frame.into_data() else {
            continue;
        };
        record(&data);
        if input.write_all(&data).await.is_err() {
            return;
        }
    }
}

async fn head(output: &mut BufReader<ChildStdout>) -> io::Result<Response<Body>> {
    let mut response = Response::new(super::http::empty());
    loop {
        let mut line = String::new();
        if output.read_line(&mut line).await? == 0 {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "no header from git",
            ));
        }
        let line = line.trim_end();
        let Some((name, value)) = line.split_once(':') else {
            return Ok(response);
        };
        let value = value.trim();
        if name.eq_ignore_ascii_case("status") {
            let code = value.split(' ').next().unwrap_or_default().parse();
            *response.status_mut() = code.map_err(io::Error::other)?;
        } else {
            let name: HeaderName = name.parse().map_err(io::Error::other)?;
            response
                .headers_mut()
                .append(name, value.parse().map_err(io::Error::other)?);
        }
    }
}

async fn copy(
    mut output: BufReader<ChildStdout>,
    mut sender: http_body_util::channel::Sender<Bytes, Infallible>,
    stall: StallAfter,
) {
    let mut sent = 0;
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let room = stall.map_or(buffer.len(), |limit| buffer.len().min(limit - sent));
        if room == 0 {
            std::future::pending::<()>().await;
        }
        match output.read(&mut buffer[..room]).await {
            Ok(read) if read > 0 => {
                sent += read;
                let data = Bytes::copy_from_slice(&buffer[..read]);
                if sender.send_data(data).await.is_err() {
                    return;
                }
            }
            _ => return,
        }
    }
}
