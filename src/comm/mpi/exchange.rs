//! The sparse exchange of set-up: nobody knows beforehand who will write to whom.

use super::give_way;
use crate::comm::engine::Message;
use mpi::ffi;
use std::mem::MaybeUninit;
use std::os::raw::{c_int, c_void};

/// Hoefler, Siebert, Lumsdaine, "Scalable communication protocols for dynamic sparse data
/// exchange" (PPoPP 2010), algorithm NBX: synchronous sends tell the sender when its messages have
/// been received, and a non-blocking barrier tells everybody when all senders are done.
///
/// Each message travels in pieces of at most `piece_bytes`, each behind a header holding the
/// message's whole length, so that the receiver knows when it is complete.
pub(super) fn sparse_exchange(
    comm: ffi::MPI_Comm,
    tag: c_int,
    outgoing: Vec<Message>,
    piece_bytes: usize,
) -> Vec<Message> {
    const HEADER: usize = size_of::<u64>();
    let mut pieces: Vec<(c_int, Vec<u8>)> = Vec::new();
    for (to, bytes) in outgoing {
        let header = (bytes.len() as u64).to_le_bytes();
        // An empty message is one piece too: its arrival is the message.
        let parts: Vec<&[u8]> = if bytes.is_empty() { vec![&[]] } else { bytes.chunks(piece_bytes).collect() };
        pieces.extend(parts.into_iter().map(|part| (to as c_int, [&header[..], part].concat())));
    }
    let mut sends: Vec<ffi::MPI_Request> = Vec::with_capacity(pieces.len());
    for (to, piece) in &pieces {
        let mut request = MaybeUninit::uninit();
        // SAFETY: `piece` outlives the request: `pieces` is neither changed nor dropped before all
        // sends have completed, which the loop below waits for. MPI initialises the handle.
        sends.push(unsafe {
            let (start, count) = (piece.as_ptr().cast::<c_void>(), piece.len() as c_int);
            ffi::MPI_Issend(start, count, ffi::RSMPI_UINT8_T, *to, tag, comm, request.as_mut_ptr());
            request.assume_init()
        });
    }
    let mut incoming: std::collections::BTreeMap<usize, (usize, Vec<u8>)> = Default::default();
    let mut barrier: Option<ffi::MPI_Request> = None;
    let mut polls = 0;
    loop {
        give_way(&mut polls);
        if let Some((from, piece)) = receive_any(comm, tag) {
            let (header, body) = piece.split_at(HEADER);
            let length = u64::from_le_bytes(header.try_into().expect("a header has 8 bytes")) as usize;
            let (expected, bytes) = incoming.entry(from).or_default();
            *expected = length;
            bytes.extend_from_slice(body);
        }
        let mut done = 0;
        // SAFETY: `sends` holds valid requests (MPI_REQUEST_NULL once complete), `request` the
        // barrier's; neither is used again after it has been reported complete.
        unsafe {
            match &mut barrier {
                None => {
                    let count = sends.len() as c_int;
                    ffi::MPI_Testall(count, sends.as_mut_ptr(), &mut done, ffi::RSMPI_STATUSES_IGNORE);
                    if done != 0 {
                        let mut request = MaybeUninit::uninit();
                        ffi::MPI_Ibarrier(comm, request.as_mut_ptr());
                        barrier = Some(request.assume_init());
                    }
                }
                Some(request) => {
                    ffi::MPI_Test(request, &mut done, ffi::RSMPI_STATUS_IGNORE);
                    if done != 0 {
                        break;
                    }
                }
            }
        }
    }
    incoming
        .into_iter()
        .map(|(from, (expected, bytes))| {
            assert_eq!(bytes.len(), expected, "a message of the set-up arrived in full");
            (from, bytes)
        })
        .collect()
}

/// One message of the sparse exchange, if one has arrived.
fn receive_any(comm: ffi::MPI_Comm, tag: c_int) -> Option<(usize, Vec<u8>)> {
    // SAFETY: plain MPI calls on local out-parameters, initialised by MPI when `found` is set; the
    // matched message is received exactly once into a buffer of the length MPI announced.
    unsafe {
        let (mut found, mut message, mut status) = (0, MaybeUninit::uninit(), MaybeUninit::uninit());
        let any = ffi::RSMPI_ANY_SOURCE;
        ffi::MPI_Improbe(any, tag, comm, &mut found, message.as_mut_ptr(), status.as_mut_ptr());
        if found == 0 {
            return None;
        }
        let (mut message, status) = (message.assume_init(), status.assume_init());
        let mut count = 0;
        ffi::MPI_Get_count(&status, ffi::RSMPI_UINT8_T, &mut count);
        let mut bytes = vec![0u8; count as usize];
        let start = bytes.as_mut_ptr().cast::<c_void>();
        ffi::MPI_Mrecv(start, count, ffi::RSMPI_UINT8_T, &mut message, ffi::RSMPI_STATUS_IGNORE);
        Some((status.MPI_SOURCE as usize, bytes))
    }
}
