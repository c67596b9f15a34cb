//! What becomes of this program when it meets a state that nobody foresaw: it ends, with all its threads. A hub that
//! went on with half of a decision taken would decide the rest of it by accident; one that ended is started anew, with
//! what its store and its log have.

use std::io::Write;

/// A panic says where, never what: its text could be a guest's, or a secret.
pub(crate) fn end_the_process() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map_or_else(String::new, |place| format!(" at {}:{}", place.file(), place.line()));
        let version = env!("CARGO_PKG_VERSION");
        let _ = writeln!(std::io::stderr(), "safeclaw {version}: panic{place}; this is a fault of safeclaw, report it");
        std::process::abort();
    }));
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::panic, reason = "tests")]
mod tests {
    use std::os::unix::process::ExitStatusExt;
    use std::process::Command;

    const CHILD: &str = "SAFECLAW_TEST_PANICS";

    #[test]
    fn a_panic_of_any_thread_ends_all_of_them_and_says_where_and_not_what() {
        if std::env::var_os(CHILD).is_some() {
            super::end_the_process();
            let _ = std::thread::spawn(|| panic!("what a guest said")).join();
            return;
        }
        let test = "panics::tests::a_panic_of_any_thread_ends_all_of_them_and_says_where_and_not_what";
        let mut child = Command::new(std::env::current_exe().unwrap());
        let output = child.args(["--exact", "--nocapture", test]).env(CHILD, "1").output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.signal(), Some(6), "SIGABRT: {output:?}");
        assert!(
            said.contains("panic at ") && said.contains("panics.rs") && !said.contains("what a guest said"),
            "{said}"
        );
    }
}
