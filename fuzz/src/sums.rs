//! Checksums put right, so that a changed file is not refused for them alone; as docs/formats.md describes them.

/// The checksums of a .hcg file, as far as it has the length that its header announces.
pub fn of_hcg(bytes: &mut [u8]) -> Option<()> {
    const HEADER: usize = 48;
    let word = |bytes: &[u8], at: usize| Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
    let is_matrix = bytes.get(12)? == &1;
    let (rows, entries) = (word(bytes, 16)? as usize, word(bytes, 24)? as usize);
    let lengths = match is_matrix {
        true => [rows.checked_add(1)?.checked_mul(8)?, entries.checked_mul(8)?, entries.checked_mul(4)?],
        false => [0, entries.checked_mul(8)?, 0],
    };
    let mut at = HEADER;
    for (section, length) in lengths.into_iter().enumerate() {
        // A section that is not there has the checksum 0, which is also that of no bytes.
        if let Some(sum) = at.checked_add(length).and_then(|end| Some(crc32fast::hash(bytes.get(at..end)?))) {
            bytes[32 + 4 * section..][..4].copy_from_slice(&sum.to_le_bytes());
        }
        at = at.saturating_add(length);
    }
    let sum = crc32fast::hash(bytes.get(..HEADER - 4)?);
    bytes.get_mut(HEADER - 4..HEADER)?.copy_from_slice(&sum.to_le_bytes());
    Some(())
}

/// The checksum of a checkpoint: its last word.
pub fn of_checkpoint(bytes: &mut [u8]) -> Option<()> {
    let (body, sum) = bytes.split_at_mut(bytes.len().checked_sub(8)?);
    sum.copy_from_slice(&u64::from(crc32fast::hash(body)).to_le_bytes());
    Some(())
}
