//! Reading one request, for a trusted client.

use std::{io, time::Duration};

use tokio::{
    io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

use super::Request;

/// How long a client may take to close after the answer.
const LINGER: Duration = Duration::from_secs(2);

/// None when the client closed without asking anything.
pub(super) async fn request(connection: &mut TcpStream) -> io::Result<Option<Request>> {
    let mut reader = BufReader::new(connection);
    let first = line(&mut reader).await?;
    let mut words = first.split(' ');
    let (Some(method), Some(target)) = (words.next(), words.next()) else {
        return Ok(None);
    };
    let mut headers = Vec::new();
    loop {
        let line = line(&mut reader).await?;
        let Some((name, value)) = line.split_once(':') else {
            break;
        };
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
    let (method, target) = (method.to_owned(), target.to_owned());
    let mut request = Request {
        method,
        target,
        headers,
        body: Vec::new(),
    };
    if request.header("expect").is_some() {
        reader
            .get_mut()
            .write_all(b"HTTP/1.1 100 Continue\r\n\r\n")
            .await?;
    }
    request.body = body(&mut reader, &request).await?;
    Ok(Some(request))
}

/// Reads until the client closes: closing first, with bytes unread, would make the
/// kernel reset the connection and take the answer away from the client.
pub(super) async fn rest(connection: &mut TcpStream) {
    let mut sink = [0; 1024];
    let draining = async { while matches!(connection.read(&mut sink).await, Ok(1..)) {} };
    // Whether it closed or not, this connection is done with.
    let _ = tokio::time::timeout(LINGER, draining).await;
}

async fn body(reader: &mut (impl AsyncBufRead + Unpin), of: &Request) -> io::Result<Vec<u8>> {
    if of
        .header("transfer-encoding")
        .is_some_and(|v| v.eq_ignore_ascii_case("chunked"))
    {
        return chunks(reader).await;
    }
    let length = of.header("content-length").unwrap_or("0").parse();
    let mut body = vec![0; length.map_err(io::Error::other)?];
    reader.read_exact(&mut body).await?;
    Ok(body)
}

async fn chunks(reader: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let size = line(reader).await?;
        let size = size.split(';').next().unwrap_or_default().trim();
        let size = usize::from_str_radix(size, 16).map_err(io::Error::other)?;
        let start = body.len();
        body.resize(start + size, 0);
        reader.read_exact(&mut body[start..]).await?;
        if size == 0 {
            while !line(reader).await?.is_empty() {}
            return Ok(body);
        }
        line(reader).await?;
    }
}

async fn line(reader: &mut (impl AsyncBufRead + Unpin)) -> io::Result<String> {
    let mut line = Vec::new();
    reader.read_until(b'\n', &mut line).await?;
    Ok(String::from_utf8_lossy(&line).trim_end().to_owned())
}
