use std::cell::RefCell;

/// Hands over a copy of the body to be read in place, and buffers, which each thread keeps: made anew they cost more than all the
/// reading. None where the body holds what the quick parser lets through and we don't: U+0000, and more arrays and objects than it should
/// follow within one another.
pub(crate) fn in_place<R>(
    body: &[u8],
    openings_max: usize,
    read: impl FnOnce(&mut [u8], &mut simd_json::Buffers) -> Option<R>,
) -> Option<R> {
    thread_local! {
        static SCRATCH: RefCell<(Vec<u8>, simd_json::Buffers)> = RefCell::default();
    }
    let openings = memchr::memchr2_iter(b'[', b'{', body).count();
    let may_hold_nul = memchr::memmem::find(body, b"\\u0000").is_some();
    if openings > openings_max || may_hold_nul {
        return None;
    }
    SCRATCH.with_borrow_mut(|(copy, buffers)| {
        copy.clear();
        copy.extend_from_slice(body);
        read(copy, buffers)
    })
}
