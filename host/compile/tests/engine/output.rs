//! What a call says is bounded, cut and counted; saying too much is no error.

use crate::harness::*;
use engine::{CallReport, LogSource};

const LOG: &str = "(import \"safeclaw:tool/host@0.1.0\" \"log\" (func $log (param i32 i32 i32)))
                   (import \"safeclaw:tool/host@0.1.0\" \"progress\" (func $progress (param f64 i32 f64 i32 i32 i32)))";

const STDOUT: &str = "(import \"wasi:cli/stdout@0.2.6\" \"get-stdout\" (func $get (result i32)))
                      (import \"wasi:io/streams@0.2.6\" \"[method]output-stream.write\" (func $write (param i32 i32 i32 i32)))";

fn heard(guest: &Guest, arguments: &str) -> (CallReport, Heard) {
    let heard = Heard::default();
    let report = block_on(prepare(guest, grant()).call("tool", arguments, heard.clone()));
    (report, heard)
}

#[test]
fn log_messages_carry_their_level() {
    let guest = Guest {
        imports: LOG,
        call: "(call $log (i32.const 3) (i32.const 1024) (i32.const 4)) (call $say (i32.const 1024) (i32.const 4))",
        ..PLAIN
    };
    let (report, heard) = heard(&guest, "{}");
    assert_eq!(text(&report), "fine");
    assert_eq!(*heard.0.lock().unwrap(), [(LogSource::Message(3), "fine".to_owned())]);
}

#[test]
fn a_log_flood_is_cut_and_counted_and_the_tool_still_answers() {
    for length in ["0", "1", "4", "30000"] {
        let body = format!(
            "(loop $l (call $log (i32.const 2) (i32.const 1024) (i32.const {length}))
               (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 2000))))
             (call $say (i32.const 1024) (i32.const 4))"
        );
        let (report, heard) = heard(&Guest { imports: LOG, call: body.leak(), ..PLAIN }, "{}");
        assert_eq!(text(&report), "fine");
        let lines = heard.0.lock().unwrap();
        let bytes: usize = lines.iter().map(|(_, text)| text.len()).sum();
        assert!(bytes <= 16 << 10, "{bytes} bytes");
        assert!(lines.len() <= (16 << 10) / 32, "{} lines of {length}", lines.len());
        assert_eq!(report.log_dropped + bytes as u64, 2000 * length.parse::<u64>().unwrap());
    }
}

#[test]
fn output_comes_line_by_line_and_what_is_left_over_comes_at_the_end() {
    let guest = Guest {
        imports: STDOUT,
        call: "(call $write (call $get) (local.get $args) (local.get $args-len) (i32.const 512)) (call $say (i32.const 1024) (i32.const 4))",
        world: &["wasi:cli/stdout@0.2.6"],
        ..PLAIN
    };
    let (report, heard) = heard(&guest, "one\n\ntwo\nthree");
    assert_eq!(text(&report), "fine");
    let lines: Vec<String> =
        heard.0.lock().unwrap().iter().map(|(source, text)| format!("{source:?} {text}")).collect();
    assert_eq!(lines, ["Stdout one", "Stdout ", "Stdout two", "Stdout three"]);
}

#[test]
fn a_stream_without_line_feeds_or_utf_8_is_cut_and_never_traps() {
    let guest = Guest {
        imports: STDOUT,
        call: "(memory.fill (i32.const 65536) (i32.const 255) (i32.const 60000)) (local.set $j (call $get))
               (loop $l (call $write (local.get $j) (i32.const 65536) (i32.const 60000) (i32.const 512))
                 (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 200))))
               (call $say (i32.const 1024) (i32.const 4))",
        world: &["wasi:cli/stdout@0.2.6"],
        ..PLAIN
    };
    let (report, heard) = heard(&guest, "{}");
    assert_eq!(text(&report), "fine");
    let bytes: usize = heard.0.lock().unwrap().iter().map(|(_, text)| text.len()).sum();
    assert!(bytes > 0 && bytes <= 16 << 10, "{bytes}");
    assert!(report.log_dropped > 11_000_000);
}

#[test]
fn progress_is_passed_on_ten_times_a_second_and_only_as_numbers() {
    let guest = Guest {
        imports: LOG,
        call: "(call $progress (f64.const nan) (i32.const 0) (f64.const 0) (i32.const 0) (i32.const 0) (i32.const 0))
               (call $progress (f64.const 1) (i32.const 1) (f64.const inf) (i32.const 0) (i32.const 0) (i32.const 0))
               (loop $l (call $progress (f64.convert_i32_u (local.get $i)) (i32.const 0) (f64.const 0) (i32.const 1) (i32.const 1024) (i32.const 4))
                 (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 3000))))
               (call $say (i32.const 1024) (i32.const 4))",
        ..PLAIN
    };
    let (report, heard) = heard(&guest, "{}");
    assert_eq!(text(&report), "fine");
    let reports = heard.1.lock().unwrap();
    let seconds = report.wall.as_secs() as usize + 1;
    assert!(!reports.is_empty() && reports.len() <= 10 * seconds, "{} in {seconds} s", reports.len());
    assert_eq!(reports[0], (0.0, Some("fine".to_owned())));
}
