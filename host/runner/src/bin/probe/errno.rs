//! Errors of the kernel by their names.

use std::io;

/// `allowed`, or the errno by its name.
pub(crate) fn verdict<T>(result: io::Result<T>) -> String {
    match result {
        Ok(_) => "allowed".to_owned(),
        Err(error) => errno(&error),
    }
}

macro_rules! named {
    ($code:expr, $($name:ident)*) => {
        match $code {
            $(libc::$name => stringify!($name).to_owned(),)*
            other => format!("errno {other}"),
        }
    };
}

pub(crate) fn errno(error: &io::Error) -> String {
    let Some(code) = error.raw_os_error() else { return format!("{:?}", error.kind()) };
    named!(code,
        EPERM ENOENT ESRCH EINTR EIO ENXIO E2BIG ENOEXEC EBADF ECHILD EAGAIN ENOMEM EACCES EFAULT ENOTBLK EBUSY EEXIST
        EXDEV ENODEV ENOTDIR EISDIR EINVAL ENFILE EMFILE ENOTTY ETXTBSY EFBIG ENOSPC ESPIPE EROFS EMLINK EPIPE EDOM
        ERANGE ENAMETOOLONG ENOSYS ENOTEMPTY ELOOP ENODATA EOVERFLOW ENOTSOCK EAFNOSUPPORT EPROTONOSUPPORT EOPNOTSUPP
    )
}
