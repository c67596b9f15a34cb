//! The program: arguments in, an exit code out, one line of diagnostics between them.

use runner::arguments::Arguments;
use runner::run::{End, run};
use std::io::{self, Write};

/// A line of diagnostics is cut here; it goes to an operator's log.
const MAX_LINE_CHARS: usize = 2_048;

fn main() {
    end_on_panic();
    let ended = Arguments::read(std::env::args_os().skip(1)).map_err(End::from);
    let code = match ended.and_then(|arguments| run(arguments, &[])) {
        Ok(()) => 0,
        Err(end) => {
            complain(&end);
            end.code()
        }
    };
    // All threads at once and without destructors: the second filter kills a thread that ends alone.
    std::process::exit(code);
}

/// A panic says where, never what: its text could be a guest's. It ends the process in every profile: what
/// a guest brought into an unforeseen state serves nobody else.
fn end_on_panic() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map_or_else(String::new, |place| format!(" at {}:{}", place.file(), place.line()));
        let _ = writeln!(io::stderr(), "runner: panic{place}");
        std::process::abort();
    }));
}

/// One bounded line with the whole chain of causes.
fn complain(end: &End) {
    let mut line = format!("runner: {end}");
    let mut cause = std::error::Error::source(end);
    while let Some(error) = cause {
        line = format!("{line}: {error}");
        cause = error.source();
    }
    let line: String = line.chars().filter(|c| !c.is_control()).take(MAX_LINE_CHARS).collect();
    let _ = writeln!(io::stderr(), "{line}");
}
