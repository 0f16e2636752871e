//! What stands beside a solve in Python: the callback, and signals.
//!
//! Either may ask for an end: by an exception, which is kept until the solve has ended on every rank.

use halocg::comm::Comm;
#[cfg(feature = "mpi")]
use halocg::comm::Op;
use halocg::krylov::{Reason, Settings, Snapshot, Turn, Watch};
use pyo3::prelude::*;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Of one process.
pub struct Bell {
    callback: Option<Py<PyAny>>,
    /// The end has been asked for here.
    has_rung: AtomicBool,
    /// The end has been asked for on some rank.
    was_heard: AtomicBool,
    exception: Mutex<Option<PyErr>>,
}

impl Bell {
    pub fn new(callback: Option<Py<PyAny>>) -> Bell {
        Bell {
            callback,
            has_rung: AtomicBool::new(false),
            was_heard: AtomicBool::new(false),
            exception: Mutex::default(),
        }
    }

    fn ring(&self, exception: PyErr) {
        self.exception.lock().expect("nobody panics in here").get_or_insert(exception);
        self.has_rung.store(true, Ordering::Relaxed);
    }

    /// Runs Python's handlers of signals that have come, if this is its main thread.
    pub fn look_for_signals(&self) {
        Python::attach(|py| py.check_signals()).unwrap_or_else(|exception| self.ring(exception));
    }

    /// A rank's watch over its solve, which tells `callback` if `tells`, and looks for signals itself if so told.
    pub fn attendant(&self, comm: &Comm, tells: bool, signals: Option<Duration>) -> impl Watch {
        let callback = self.callback.as_ref().filter(|_| tells);
        Attendant { bell: self, comm: comm.clone(), callback, signals, looked: Instant::now() }
    }

    #[cfg(feature = "mpi")]
    /// The end may have been asked for so late that the solve ended for another reason: lets every rank know. Collective.
    pub fn close(&self, comm: &Comm) {
        let has_rung = comm.reduced(Op::Max, u64::from(self.has_rung.load(Ordering::Relaxed))) == 1;
        self.was_heard.store(has_rung, Ordering::Relaxed);
    }

    /// After the solve, on the thread that holds Python.
    ///
    /// # Errors
    /// The exception that ended it, or one saying that another rank asked for the end.
    pub fn answer(self) -> PyResult<()> {
        match self.exception.into_inner().expect("nobody panics in there") {
            Some(exception) => Err(exception),
            None if self.was_heard.into_inner() => {
                Err(crate::Error::new_err("the solve was ended by an exception on another rank"))
            }
            None => Ok(()),
        }
    }
}

struct Attendant<'a> {
    bell: &'a Bell,
    comm: Comm,
    callback: Option<&'a Py<PyAny>>,
    signals: Option<Duration>,
    looked: Instant,
}

impl Watch for Attendant<'_> {
    fn observe(&mut self, Snapshot { iteration, record, .. }: Snapshot) {
        if let Some(callback) = self.callback
            && !self.bell.has_rung.load(Ordering::Relaxed)
        {
            Python::attach(|py| callback.call1(py, (iteration, record.residual)))
                .map_or_else(|exception| self.bell.ring(exception), drop);
        }
        if self.signals.is_some_and(|period| self.looked.elapsed() >= period) {
            self.bell.look_for_signals();
            self.looked = Instant::now();
        }
    }

    fn turn(&mut self, _: u64, _: &Settings) -> Turn {
        // What all ranks have heard in the same sum, and so act upon alike.
        let is_asked = self.comm.heard() > 0.0;
        self.comm.ride(f64::from(u8::from(self.bell.has_rung.load(Ordering::Relaxed))));
        Turn { save: false, end: is_asked.then_some(Reason::Interrupted) }
    }
}
