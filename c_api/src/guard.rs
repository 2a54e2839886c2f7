//! The one guard around every entry point.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, Once, PoisonError};

/// Whether an instance may still be used.
#[derive(Debug, Default)]
pub struct Poison {
    is_poisoned: AtomicBool,
}

impl Poison {
    /// Runs `work`. When it panics the instance is poisoned, `on_panic` is called once, and this and every later call
    /// answers `fallback`.
    pub fn guard<T>(&self, fallback: T, on_panic: impl FnOnce(), work: impl FnOnce() -> T) -> T {
        if self.is_poisoned.load(Ordering::Acquire) {
            return fallback;
        }
        match catch_unwind(AssertUnwindSafe(work)) {
            Ok(value) => value,
            Err(_) => {
                if !self.is_poisoned.swap(true, Ordering::AcqRel) {
                    on_panic();
                }
                fallback
            }
        }
    }
}

/// Runs what belongs to no instance; a panic answers `fallback`.
pub fn guard<T>(fallback: T, work: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or(fallback)
}

/// Where the last panic of this process was, as file and line.
static LAST_PANIC: Mutex<Option<(String, u32)>> = Mutex::new(None);

/// Takes the place of the default hook, which prints a backtrace: that needs more stack than a flush has. Only the place
/// is kept, for whoever tells of it.
pub fn silence_panic_hook() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        std::panic::set_hook(Box::new(|panic| {
            let place = panic.location().map(|location| (location.file().to_owned(), location.line()));
            *LAST_PANIC.lock().unwrap_or_else(PoisonError::into_inner) = place;
        }));
    });
}

/// Where the last panic was, for a line of the log.
#[must_use]
pub fn last_panic() -> String {
    let place = LAST_PANIC.lock().unwrap_or_else(PoisonError::into_inner).clone();
    place.map_or_else(|| "an unknown place".to_owned(), |(file, line)| format!("{file}:{line}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[test]
    #[expect(clippy::panic, reason = "the guard is for panics")]
    fn a_panic_poisons_once_and_every_later_call_answers_the_fallback() {
        silence_panic_hook();
        let poison = Poison::default();
        let told = Cell::new(0);
        let tell = || told.set(told.get() + 1);
        assert_eq!(poison.guard(2, tell, || 1), 1);
        assert_eq!(poison.guard(2, tell, || panic!("on purpose")), 2);
        assert_eq!(poison.guard(2, tell, || 1), 2);
        assert_eq!(told.get(), 1);
        assert!(last_panic().starts_with("c_api/src/guard.rs:"), "{}", last_panic());
        assert_eq!(guard(3, || panic!("on purpose")), 3);
    }
}
