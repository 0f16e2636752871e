//! Signals that ask the program to end: noticed by a solve, which then ends in order.
//!
//! SIGTERM and SIGINT end the program at once, as ever, until a solve [attends](attend) to them. From then on they
//! only leave a mark, as SIGUSR1 does from the beginning: job schedulers send that one as a warning. Schedulers and
//! launchers may send the same signal more than once, so a second one must not hurt; but a second SIGINT, which
//! comes from somebody at the keyboard, ends the program at once.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};

/// A signal has come.
static ASKED: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);
/// SIGTERM and SIGINT do what they do by default.
static AT_ONCE: LazyLock<Arc<AtomicBool>> = LazyLock::new(|| Arc::new(AtomicBool::new(true)));

/// From now on an abort of this process, as after an allocation that failed, is an end with `code`, which launchers
/// pass on.
///
/// # Errors
/// When the system refuses.
pub fn exit_on_abort(code: i32) -> io::Result<()> {
    #[cfg(unix)]
    signal_hook::flag::register_conditional_shutdown(
        signal_hook::consts::SIGABRT,
        code,
        Arc::new(AtomicBool::new(true)),
    )?;
    Ok(())
}

/// Listens from now on. For a program whose task attends to signals.
///
/// # Errors
/// When the system refuses.
pub fn listen() -> io::Result<()> {
    #[cfg(unix)]
    {
        use signal_hook::consts::{SIGINT, SIGTERM, SIGUSR1};
        use signal_hook::flag::{register, register_conditional_default};
        // What is registered first is done first.
        for signal in [SIGTERM, SIGINT] {
            register_conditional_default(signal, AT_ONCE.clone())?;
        }
        for signal in [SIGTERM, SIGINT, SIGUSR1] {
            register(signal, ASKED.clone())?;
        }
        register(SIGINT, AT_ONCE.clone())?;
    }
    Ok(())
}

/// From now on somebody looks at [`asked`].
pub fn attend() {
    AT_ONCE.store(false, Ordering::SeqCst);
}

/// True once a signal has come.
pub fn asked() -> bool {
    ASKED.load(Ordering::Relaxed)
}
