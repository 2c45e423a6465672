use std::convert::Infallible;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};

use super::append::End;

/// As much as the product's edge takes of a head.
const HEAD_BYTES: usize = 64 << 10;

/// Serves until accepting fails. Where there is a file, a body is answered once it is at its end.
pub(super) async fn serve(listener: TcpListener, end: Option<End>) -> anyhow::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(drive(stream, end.clone()));
    }
}

/// The settings are those of the product's edge: whatever one of them costs or saves, both sides have it.
async fn drive(stream: TcpStream, end: Option<End>) {
    let _ = stream.set_nodelay(true);
    let connection = Builder::new()
        .max_buf_size(HEAD_BYTES)
        .max_header_size(HEAD_BYTES)
        .half_close(true)
        .writev(false)
        .serve_connection(TokioIo::new(stream), service_fn(|request| answer(request, end.as_ref())));
    // What went wrong on the wire is the client's affair.
    drop(connection.await);
}

/// Without reading the body hyper would close a connection whose body comes after its head.
async fn answer(request: Request<Incoming>, end: Option<&End>) -> Result<Response<Empty<Bytes>>, Infallible> {
    let mut body = request.into_body();
    let mut is_kept = true;
    if let Some(end) = end {
        is_kept = match body.collect().await {
            Ok(body) => end.keep(body.to_bytes()).await,
            Err(_) => false,
        };
    } else {
        while let Some(Ok(_)) = body.frame().await {}
    }
    let mut response = Response::new(Empty::new());
    *response.status_mut() = if is_kept { StatusCode::NO_CONTENT } else { StatusCode::SERVICE_UNAVAILABLE };
    Ok(response)
}
