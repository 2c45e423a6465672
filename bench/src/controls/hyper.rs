use std::convert::Infallible;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};

/// As much as the product's edge takes of a head.
const HEAD_BYTES: usize = 64 << 10;

/// Serves until accepting fails.
pub(super) async fn serve(listener: TcpListener) -> anyhow::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(drive(stream));
    }
}

/// The settings are those of the product's edge: whatever one of them costs or saves, both sides have it.
async fn drive(stream: TcpStream) {
    let _ = stream.set_nodelay(true);
    let connection = Builder::new()
        .max_buf_size(HEAD_BYTES)
        .max_header_size(HEAD_BYTES)
        .half_close(true)
        .serve_connection(TokioIo::new(stream), service_fn(answer));
    // What went wrong on the wire is the client's affair.
    drop(connection.await);
}

/// Without reading the body hyper would close a connection whose body comes after its head.
async fn answer(request: Request<Incoming>) -> Result<Response<Empty<Bytes>>, Infallible> {
    let mut body = request.into_body();
    while let Some(Ok(_)) = body.frame().await {}
    let mut response = Response::new(Empty::new());
    *response.status_mut() = StatusCode::NO_CONTENT;
    Ok(response)
}
