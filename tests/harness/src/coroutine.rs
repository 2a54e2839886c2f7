//! A call on a small stack of its own, as hosts flush.
//!
//! Hosts run a flush as a coroutine whose stack is a few pages of heap, with nothing below it to
//! stop an overflow. Here the pages around the stack are closed, so an overflow is a crash at the
//! instruction that does it. The closed range below is wide, because code compiled without stack
//! probes may step over a single page.

use std::cell::Cell;
use std::ffi::c_void;
use std::io;
use std::mem::MaybeUninit;
use std::ptr;
use std::slice;

use crate::error::HarnessError;
use crate::guarded::{Mapping, page_bytes};

const GUARD_BYTES_BELOW: usize = 1 << 20;

/// Fills a stack before its use, so that what was never written can be told afterwards.
const PAINT: u8 = 0xC5;

thread_local! {
    /// The job for the coroutine this thread is about to enter.
    static JOB: Cell<*mut c_void> = const { Cell::new(ptr::null_mut()) };
}

struct Job<'a> {
    body: &'a mut dyn FnMut(),
}

/// Runs `body` on a fresh stack of at least `stack_bytes` (rounded up to whole pages) and returns
/// how many bytes of it were used.
///
/// The count includes what `body` itself and the entry need, some hundred bytes; it misses bytes
/// a function reserved at its deepest point without writing them.
pub(crate) fn run_on_own_stack(stack_bytes: usize, body: &mut dyn FnMut()) -> Result<usize, HarnessError> {
    let page = page_bytes();
    let stack_bytes = stack_bytes.div_ceil(page).max(1) * page;
    let mapping = Mapping::closed(GUARD_BYTES_BELOW + stack_bytes + page)?;
    mapping.protect(GUARD_BYTES_BELOW, stack_bytes, libc::PROT_READ | libc::PROT_WRITE)?;
    let stack = mapping.at(GUARD_BYTES_BELOW, stack_bytes);
    // SAFETY: the stack's pages are open and nobody uses them yet.
    unsafe { stack.write_bytes(PAINT, stack_bytes) };

    let mut job = Job { body };
    let switched = enter(stack, stack_bytes, &mut job);

    // SAFETY: the coroutine ended, so nothing writes to its stack while it is read.
    let painted = unsafe { slice::from_raw_parts(stack, stack_bytes) };
    let untouched = painted.iter().take_while(|byte| **byte == PAINT).count();
    mapping.unmap();
    switched.map(|()| stack_bytes - untouched)
}

fn enter(stack: *mut u8, stack_bytes: usize, job: &mut Job<'_>) -> Result<(), HarnessError> {
    // Neither context may move once it is made: they point into themselves.
    let mut caller = MaybeUninit::<libc::ucontext_t>::zeroed();
    let mut callee = MaybeUninit::<libc::ucontext_t>::zeroed();
    let callee = callee.as_mut_ptr();
    // SAFETY: the context is writable; the call fills it.
    check(unsafe { libc::getcontext(callee) })?;
    let stack = libc::stack_t { ss_sp: stack.cast(), ss_flags: 0, ss_size: stack_bytes };
    // SAFETY: getcontext initialised the context; it is a local of this frame.
    unsafe { (*callee).uc_stack = stack };
    // SAFETY: as above; when `run_job` returns, the caller's context continues.
    unsafe { (*callee).uc_link = caller.as_mut_ptr() };
    // SAFETY: the stack is open and ours until the coroutine returns; `run_job` takes nothing.
    unsafe { libc::makecontext(callee, run_job, 0) };
    JOB.set(ptr::from_mut(job).cast());
    // SAFETY: both contexts outlive the switch, which comes back when `run_job` returns.
    check(unsafe { libc::swapcontext(caller.as_mut_ptr(), callee) })
}

extern "C" fn run_job() {
    let job = JOB.replace(ptr::null_mut()).cast::<Job<'_>>();
    // SAFETY: `enter` stored a job that lives until this function returns to it.
    let job = unsafe { &mut *job };
    (job.body)();
}

fn check(answer: libc::c_int) -> Result<(), HarnessError> {
    if answer == 0 { Ok(()) } else { Err(HarnessError::StackSwitch { source: io::Error::last_os_error() }) }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failure is the test's failure")]

    use std::hint::black_box;

    use super::*;

    #[test]
    fn the_body_runs_elsewhere_and_comes_back() {
        let here = 0_u8;
        let mut there = 0_usize;
        let used = run_on_own_stack(24 * 1024, &mut || {
            let local = 0_u8;
            there = ptr::from_ref(black_box(&local)) as usize;
        })
        .unwrap();
        let distance = there.abs_diff(ptr::from_ref(black_box(&here)) as usize);
        assert!(distance > 64 * 1024, "{distance}");
        assert!(used > 0 && used < 4096, "{used}");
    }

    #[test]
    fn what_the_body_uses_is_counted() {
        let stack_bytes = 512 * 1024;
        let idle = run_on_own_stack(stack_bytes, &mut || {}).unwrap();
        let busy = run_on_own_stack(stack_bytes, &mut || {
            // Unoptimised code may hold several copies of it.
            black_box([1_u8; 32 * 1024]);
        })
        .unwrap();
        assert!((32 * 1024..stack_bytes).contains(&busy), "{busy}");
        assert!(idle < 4096, "{idle}");
    }

    #[test]
    fn a_coroutine_can_start_another() {
        let mut depth = 0;
        run_on_own_stack(32 * 1024, &mut || {
            depth += 1;
            run_on_own_stack(24 * 1024, &mut || depth += 1).unwrap();
            depth += 1;
        })
        .unwrap();
        assert_eq!(depth, 3);
    }
}
