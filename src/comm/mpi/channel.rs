//! Exchanges with neighbours: persistent requests over two fixed buffers.

use super::{Sums, Words, World, wait};
use crate::comm::engine::{Channel, Part};
use mpi::ffi;
use mpi::traits::*;
use std::mem::MaybeUninit;
use std::os::raw::{c_int, c_void};
use std::rc::Rc;

/// Persistent point-to-point requests over two fixed buffers.
pub(super) struct MpiChannel {
    /// Keeps MPI initialised for as long as the requests exist.
    _world: Rc<World>,
    /// A sum may be in flight during an exchange.
    sums: Rc<Sums>,
    send: Words,
    receive: Words,
    /// Receives first, so that they are posted before the sends.
    requests: Vec<ffi::MPI_Request>,
    in_flight: bool,
}

impl MpiChannel {
    pub(super) fn new(world: Rc<World>, sums: Rc<Sums>, tag: c_int, sends: &[Part], receives: &[Part]) -> MpiChannel {
        let total = |parts: &[Part]| parts.iter().map(|part| part.words).sum();
        let (send, receive) = (Words::new(total(sends)), Words::new(total(receives)));
        let mut requests = Vec::with_capacity(sends.len() + receives.len());
        let comm = world.comm.as_raw();
        let mut init = |parts: &[Part], buffer: *mut f64, sending: bool| {
            let mut offset = 0;
            for part in parts {
                let count = c_int::try_from(part.words).expect("a halo message has fewer than 2^31 words");
                let mut request = MaybeUninit::uninit();
                // SAFETY: `offset + count` words lie inside the buffer (its length is the sum of the
                // parts); the buffer lives in the channel, which frees the requests before it.
                // MPI writes the handle, so it is initialised afterwards.
                requests.push(unsafe {
                    let start = buffer.add(offset).cast::<c_void>();
                    let (double, rank) = (ffi::RSMPI_DOUBLE, part.rank as c_int);
                    if sending {
                        ffi::MPI_Send_init(start, count, double, rank, tag, comm, request.as_mut_ptr());
                    } else {
                        ffi::MPI_Recv_init(start, count, double, rank, tag, comm, request.as_mut_ptr());
                    }
                    request.assume_init()
                });
                offset += part.words;
            }
        };
        init(receives, receive.start, false);
        init(sends, send.start, true);
        MpiChannel { _world: world, sums, send, receive, requests, in_flight: false }
    }

    fn wait(&mut self) {
        // MPI's own sum advances in any call of MPI's, the other one only when it is asked.
        let sums = &self.sums;
        let advance_sum = || {
            sums.doubling.borrow_mut().poll();
        };
        // SAFETY: the requests are the persistent ones made in `new`; waiting makes them inactive.
        unsafe { wait(&mut self.requests, advance_sum) };
        self.in_flight = false;
    }
}

impl Channel for MpiChannel {
    fn send_buffer(&mut self) -> &mut [f64] {
        assert!(!self.in_flight, "the exchange in flight still owns the send buffer");
        // SAFETY: no request is active (asserted).
        unsafe { self.send.get_mut() }
    }

    fn start(&mut self) {
        assert!(!self.in_flight, "finish the exchange before starting it again");
        self.in_flight = true;
        if !self.requests.is_empty() {
            // SAFETY: all requests are persistent and inactive; no reference to the buffers is alive,
            // since `send_buffer` and `finish` borrow the channel.
            unsafe { ffi::MPI_Startall(self.requests.len() as c_int, self.requests.as_mut_ptr()) };
        }
    }

    fn finish(&mut self) -> &[f64] {
        assert!(self.in_flight, "start the exchange before finishing it");
        self.wait();
        self.received()
    }

    fn received(&self) -> &[f64] {
        assert!(!self.in_flight, "the exchange in flight still owns the receive buffer");
        // SAFETY: no request is active (asserted).
        unsafe { self.receive.get() }
    }
}

impl Drop for MpiChannel {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // Other ranks may never come: do not wait, and leave MPI its memory.
            self.send.leak();
            self.receive.leak();
            return;
        }
        if self.in_flight {
            self.wait();
        }
        for request in &mut self.requests {
            // SAFETY: a persistent, inactive request of this channel, freed once; `_world` still
            // keeps MPI initialised.
            unsafe { ffi::MPI_Request_free(request) };
        }
    }
}
