//! System calls by number. With null for every pointer a call that is let through ends in `EFAULT` or
//! `EINVAL`, which a table of endings tells from a refusal.

use std::io;

/// Attempts that are one system call each, with up to six numbers as arguments; others first, in brackets.
macro_rules! calls {
    ($([$($other:expr),* $(,)?])? $($name:literal: $number:expr $(, $argument:expr)*;)*) => {
        &[$($($other,)*)? $(($name, |lock| {
            lock();
            $crate::verdict($crate::system_call($number, $crate::calls::six(&[$($argument as usize),*])))
        })),*]
    };
}

/// Arguments, filled up with nothing.
pub(crate) fn six(given: &[usize]) -> [usize; 6] {
    let mut arguments = [0; 6];
    arguments.iter_mut().zip(given).for_each(|(argument, given)| *argument = *given);
    arguments
}

/// Any system call.
#[expect(unsafe_code, reason = "attacks are system calls that no safe library offers")]
pub(crate) fn system_call(number: i64, arguments: [usize; 6]) -> io::Result<i64> {
    let [a, b, c, d, e, f] = arguments;
    // SAFETY: callers pass null or pointers to their own live, large enough memory; what the kernel
    // otherwise does to this process is what the test is about.
    match unsafe { libc::syscall(number, a, b, c, d, e, f) } {
        -1 => Err(io::Error::last_os_error()),
        answer => Ok(answer),
    }
}

/// The gate of 32-bit programs, which has numbers of its own: a filter that only knows 64-bit numbers would
/// take one call for another. `ebx` stays 0, since the compiler keeps `rbx` for itself.
#[expect(unsafe_code, reason = "no library makes 32-bit system calls in a 64-bit program")]
pub(crate) fn gate_of_32_bit(number: u32) -> io::Result<i64> {
    let answer: i64;
    // SAFETY: the calls made here take integers; the kernel changes `rax` and, in old ones, `r8` to `r11`.
    unsafe {
        std::arch::asm!(
            "mov {kept}, rbx",
            "xor ebx, ebx",
            "int 0x80",
            "mov rbx, {kept}",
            kept = out(reg) _,
            inout("rax") i64::from(number) => answer,
            inout("rcx") 0_i64 => _,
            inout("rdx") 0_i64 => _,
            out("r8") _, out("r9") _, out("r10") _, out("r11") _,
        );
    }
    match i32::try_from(answer) {
        Ok(code) if (-4095..0).contains(&code) => Err(io::Error::from_raw_os_error(-code)),
        _ => Ok(answer),
    }
}
