//! Components whose list of tools is the attack, or the code that makes it: asked once, in a container of its
//! own, with the empty grant.

use crate::hostile_components::bench::{Bench, Row, refused, taken};
use crate::hostile_components::files::spins_at_start;
use crate::hostile_components::forge::{Component, Listed, component, listed};
use crate::hostile_components::table;
use hub::Registration;

/// One tool, and this WAT before its list is given.
fn at_list(list: &str) -> Component {
    Component { list: list.to_owned(), ..component([listed("taken")]) }
}

/// One tool, and this start function.
fn at_start(body: &str) -> Component {
    Component { items: format!("(func $start {body}) (start $start)"), ..component([listed("taken")]) }
}

/// With the host's `log` as `$log`, which takes a level, an address and a length.
fn with_log(component: Component) -> Component {
    Component {
        imports: r#"
            (import "safeclaw:tool/host@0.1.0" (instance $host
              (type $level' (enum "trace" "debug" "info" "warn" "error"))
              (export "level" (type $level (eq $level')))
              (export "log" (func (param "level" $level) (param "message" string)))))
            (alias export $host "log" (func $log))
            (core func $log' (canon lower (func $log) (memory (core memory $memory "memory"))))
            (core instance $host' (export "log" (func $log')))"#
            .to_owned(),
        core_imports: r#"(import "host" "log" (func $log (param i32 i32 i32)))"#.to_owned(),
        with: r#"(with "host" (instance $host'))"#.to_owned(),
        ..component
    }
}

/// With WASI's `exit` as `$exit`, which takes 0 for success.
fn with_exit(component: Component) -> Component {
    Component {
        imports: r#"
            (import "wasi:cli/exit@0.2.6" (instance $wasi (export "exit" (func (param "status" (result))))))
            (alias export $wasi "exit" (func $exit))
            (core func $exit' (canon lower (func $exit)))
            (core instance $wasi' (export "exit" (func $exit')))"#
            .to_owned(),
        core_imports: r#"(import "wasi" "exit" (func $exit (param i32)))"#.to_owned(),
        with: r#"(with "wasi" (instance $wasi'))"#.to_owned(),
        ..component
    }
}

fn name(name: &[u8]) -> Vec<u8> {
    component([Listed { name: name.to_vec(), ..listed("") }]).wasm()
}

fn described(registration: &Registration) -> String {
    let tool = &registration.tools[0];
    format!("the tool `{}`, described as \"{}\"", tool.name, tool.description)
}

fn rows() -> Vec<Row> {
    let numbered = |count: usize| component((0..count).map(|n| listed(&format!("t{n}")))).wasm();
    let bad_name = "is not a tool name";
    vec![
        refused("no-tools", "lists nothing", component([]).wasm(), "it has no tools"),
        refused("two-of-one-name", "lists one name twice", component([listed("a"), listed("a")]).wasm(), "it has two tools named `a`"),
        refused("many-tools", "lists 129 tools", numbered(129), "it has 129 tools; the most is 128"),
        refused("name-empty", "a tool without a name", name(b""), bad_name),
        refused("name-path", "a tool named like a path", name(b"../../etc/passwd"), bad_name),
        refused("name-space", "a tool name with a space", name(b"read file"), bad_name),
        refused("name-escape", "a tool name that clears the screen", name(b"a\x1b[2J\x07"), bad_name),
        refused("name-bidi", "a tool name that reads backwards", name("exe\u{202e}txt".as_bytes()), bad_name),
        refused("name-zero-width", "a name that looks like another tool's", name("control\u{200b}".as_bytes()), bad_name),
        refused("name-homoglyph", "another tool's name in Cyrillic letters", name("соntrоl".as_bytes()), bad_name),
        refused("name-nul", "a name that ends early for C", name(b"control\0x"), bad_name),
        refused("name-long", "a tool name of 100 000 letters", name(&b"x".repeat(100_000)), bad_name),
        refused("name-not-utf8", "a name that is no text", name(b"\xff\xfe"), "trap"),
        refused("title-long", "a title of 2 000 letters", component([Listed { title: Some(vec![b't'; 2_000]), ..listed("taken") }]).wasm(), "title has 2000 bytes"),
        refused("description-long", "a description of 20 000 letters", component([Listed { description: vec![b'd'; 20_000], ..listed("taken") }]).wasm(), "description has 20000 bytes"),
        refused("list-of-a-gigabyte", "says that its list has 19 million tools, 1 GB", Component { claims: Some(19_000_000), ..component([listed("a")]) }.wasm(), ""),
        refused("list-of-nothings", "lists three million empty tools, 168 MB of its own memory", Component { claims: Some(3_000_000), pages: 3_000, ..component([listed("a")]) }.wasm(), ""),
        refused("list-unaligned", "gives its list at an odd address", at_list("(return (i32.const 17))").wasm(), "trap"),
        refused("list-outside", "gives its list behind the end of its memory", at_list("(return (i32.const -8))").wasm(), "trap"),
        refused("list-traps", "traps when it is asked", at_list("unreachable").wasm(), "trap"),
        refused("list-exits", "ends its process when it is asked", with_exit(at_list("(call $exit (i32.const 0))")).wasm(), ""),
        refused("list-recurses", "calls itself without end", Component { items: "(func $again (call $again))".into(), ..at_list("(call $again)") }.wasm(), ""),
        refused("list-allocates", "takes memory until there is none", at_list("(loop $more (br_if $more (i32.ne (i32.const -1) (memory.grow (i32.const 256))))) unreachable").wasm(), ""),
        refused("start-traps", "traps in its start function", at_start("unreachable").wasm(), "trap"),
        refused("trap-tells-name", "traps in a function whose name moves the cursor", Component { items: r#"(func $boom (@name "\1b[2J\1b]0;owned\07\e2\80\aeflow") unreachable)"#.into(), ..at_list("(call $boom)") }.wasm(), "trap"),
        taken("start-calls-host", "logs in its start function", with_log(at_start("(call $log (i32.const 4) (i32.const 256) (i32.const 6))")).wasm(), described),
        taken("list-floods-log", "logs ten thousand times before it answers", with_log(Component { list: "(local.set $n (i32.const 10000)) (loop $more (call $log (i32.const 4) (i32.const 65536) (i32.const 4096)) (br_if $more (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))".into(), ..component([listed("taken")]) }).wasm(), described),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_lists_stay_out_or_come_in_harmless() {
    let bench = Bench::start().await;
    let told = bench.judge(rows()).await;
    bench.own.end().await;
    table::keep("lists", &told);
}

/// Both at once, each in its own hub: they last as long as a component may take to be asked.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_spins_when_it_is_asked_is_ended() {
    let (one, other) = tokio::join!(Bench::start(), Bench::start());
    let start = vec![spins_at_start()];
    let list = vec![refused(
        "list-spins",
        "spins when it is asked",
        at_list("(loop $ever (br $ever))").wasm(),
        "the limit of",
    )];
    let (mut told, more) = tokio::join!(one.judge(start), other.judge(list));
    told.extend(more);
    for row in &mut told {
        // Half a processor for 20 seconds is 10 seconds of it: either bound may be the first.
        let (head, limit) = row.sees.split_once("the limit of ").unwrap();
        assert!(["cpu_ms = 10000 was hit", "deadline_ms = 20000 was hit"].contains(&limit), "{limit}");
        row.sees = format!("{head}the limit of cpu_ms = 10000 or of deadline_ms = 20000 was hit");
    }
    tokio::join!(one.own.end(), other.own.end());
    table::keep("spins", &told);
}
