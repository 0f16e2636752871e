//! Numbers in binary files.

use crate::error::Result;
use crate::shared_file::SharedFile;

/// So much is read at a time: it is still in the cache when it is looked at.
const CHUNK_BYTES: u64 = 1 << 18;

/// `count` numbers of `BYTES` bytes each from `at` on, as `number` makes them of their bytes; `look` sees all bytes in
/// their order. The memory for all of them is asked for at once: the file must be known to be long enough.
///
/// # Errors
/// When they cannot be read.
pub(super) fn read_numbers<T, const BYTES: usize>(
    file: &SharedFile,
    at: u64,
    count: u64,
    number: impl Fn([u8; BYTES]) -> T,
    mut look: impl FnMut(&[u8]),
) -> Result<Vec<T>> {
    let mut numbers = Vec::with_capacity(count as usize);
    let most = count.min(CHUNK_BYTES / BYTES as u64);
    let mut chunk = vec![0; most as usize * BYTES];
    while (numbers.len() as u64) < count {
        let done = numbers.len() as u64;
        let bytes = &mut chunk[..most.min(count - done) as usize * BYTES];
        file.read_at(bytes, at + done * BYTES as u64)?;
        look(bytes);
        numbers.extend(bytes.as_chunks().0.iter().map(|bytes| number(*bytes)));
    }
    Ok(numbers)
}

/// The bytes of numbers, as `bytes` makes them of each.
pub(super) fn to_bytes<T, const BYTES: usize>(
    numbers: impl IntoIterator<Item = T>,
    bytes: impl Fn(T) -> [u8; BYTES],
) -> Vec<u8> {
    numbers.into_iter().map(bytes).collect::<Vec<_>>().into_flattened()
}
