use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::body::{Frame, SizeHint};

use super::*;

const LIMIT: usize = 10;
const SOON: Duration = Duration::from_millis(20);

/// Gives its chunks, and then ends, fails or never ends.
struct Chunks {
    chunks: Vec<&'static [u8]>,
    end: End,
    announced: Option<u64>,
}

#[derive(Clone, Copy)]
enum End {
    Whole,
    Cut,
    Never,
}

#[derive(Debug, thiserror::Error)]
#[error("cut")]
struct Cut;

impl Body for Chunks {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(mut self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        if !self.chunks.is_empty() {
            return Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(self.chunks.remove(0))))));
        }
        match self.end {
            End::Whole => Poll::Ready(None),
            End::Cut => Poll::Ready(Some(Err(Cut))),
            End::Never => Poll::Pending,
        }
    }

    fn size_hint(&self) -> SizeHint {
        self.announced.map(SizeHint::with_exact).unwrap_or_default()
    }
}

/// Chunks, how they end, the length announced, the memory there is, and what is read.
type Row = (&'static [&'static [u8]], End, Option<u64>, usize, Result<&'static [u8], BodyError>);

#[tokio::test]
async fn a_body_is_whole_or_refused() {
    let too_large = BodyError::TooLarge { limit: LIMIT };
    let table: [Row; 12] = [
        (&[], End::Whole, None, 99, Ok(b"")),
        (&[b"abc"], End::Whole, Some(3), 99, Ok(b"abc")),
        (&[b"abc", b"", b"defg"], End::Whole, None, 99, Ok(b"abcdefg")),
        (&[b"", b"abc", b"d", b"e"], End::Whole, None, 99, Ok(b"abcde")),
        (&[b"0123456789"], End::Whole, None, 99, Ok(b"0123456789")),
        (&[b"01234567890"], End::Whole, None, 99, Err(too_large)),
        (&[b"012345", b"67890"], End::Whole, None, 99, Err(too_large)),
        (&[], End::Never, Some(11), 99, Err(too_large)),
        (&[b"abc"], End::Never, Some(5), 99, Err(BodyError::TooSlow)),
        (&[b"abc"], End::Cut, Some(5), 99, Err(BodyError::Broken)),
        (&[b"abc", b"de"], End::Whole, None, 4, Err(BodyError::Overloaded)),
        (&[b"abcd"], End::Whole, None, 4, Ok(b"abcd")),
    ];
    for (row, (chunks, end, announced, memory, want)) in table.into_iter().enumerate() {
        let budget = Budget::new(memory);
        let read = read(Chunks { chunks: chunks.to_vec(), end, announced }, LIMIT, SOON, &budget).await;
        if let (Ok(whole), Ok(bytes)) = (&read, want) {
            assert_eq!(budget.left(), memory - bytes.len(), "row {row}: held while in use");
            assert_eq!(whole.bytes, bytes, "row {row}");
        } else {
            assert_eq!(read.as_ref().err(), want.err().as_ref(), "row {row}");
        }
        drop(read);
        assert_eq!(budget.left(), memory, "row {row}: given back");
    }
}

#[tokio::test]
async fn one_frame_is_not_copied() {
    static TEXT: &[u8] = b"abc";
    let (chunks, budget) = (Chunks { chunks: vec![TEXT], end: End::Whole, announced: None }, Budget::default());
    let whole = read_here(chunks, LIMIT, &budget).await;
    assert_eq!(whole.unwrap().bytes.as_ptr(), TEXT.as_ptr());
}

#[test]
fn each_error_has_its_status() {
    for (error, status) in [
        (BodyError::TooLarge { limit: 1 }, 413),
        (BodyError::TooSlow, 408),
        (BodyError::Broken, 400),
        (BodyError::Overloaded, 503),
    ] {
        assert_eq!(error.status(), status);
    }
}
