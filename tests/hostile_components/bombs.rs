//! Small files that ask the compiler for much. Each ends at a bound of the format, of the compile program or of
//! its container, and the hub serves on.

use crate::hostile_components::bench::{Bench, Row, refused};
use crate::hostile_components::forge::{around, functions, leb, module, section, vector};
use crate::hostile_components::table;

const NOP: u8 = 1;
const BLOCK: u8 = 2;
const END: u8 = 0x0b;
const BR_TABLE: u8 = 0x0e;
const I32_CONST: u8 = 0x41;
const DROP: u8 = 0x1a;
const VOID: u8 = 0x40;
const I64: u8 = 0x7e;

/// A function without locals.
fn plain(code: &[u8]) -> Vec<u8> {
    [&[0][..], code, &[END][..]].concat()
}

/// A function with this many 64-bit locals.
fn locals(count: usize) -> Vec<u8> {
    [vec![1], leb(count), vec![I64, END]].concat()
}

fn br_table(targets: usize) -> Vec<u8> {
    let table = [vec![I32_CONST, 0, BR_TABLE], vector(targets, &vec![0; targets]), vec![0]].concat();
    plain(&[vec![BLOCK, VOID], table, vec![END]].concat())
}

fn blocks(depth: usize) -> Vec<u8> {
    plain(&[[BLOCK, VOID].repeat(depth), vec![END; depth]].concat())
}

/// A memory of 4 GiB, with one byte at each end.
fn sparse() -> Vec<u8> {
    let segment = |at: &[u8]| [vec![0, I32_CONST], at.to_vec(), vec![END, 1, b'x']].concat();
    // -16 as a signed LEB128: the last bytes.
    let segments = [segment(&[0]), segment(&[0x70])].concat();
    module(&[section(5, &[vec![1, 0], leb(65536)].concat()), section(11, &vector(2, &segments))])
}

fn large_data(bytes: usize) -> Vec<u8> {
    let segment = [vec![0, I32_CONST, 0, END], vector(bytes, &vec![0x5a; bytes])].concat();
    module(&[section(5, &[vec![1, 0], leb(bytes / (64 << 10) + 1)].concat()), section(11, &vector(1, &segment))])
}

/// Types that double in size with each line.
fn doubling(levels: usize) -> Vec<u8> {
    let lines: String = (1..levels).map(|n| format!("(type $t{n} (tuple $t{0} $t{0}))", n - 1)).collect();
    wat::parse_str(format!("(component (type $t0 (tuple u64 u64)) {lines})")).unwrap()
}

/// Components that each instantiate the one before several times: a few lines, and a power of instances.
fn breeding(levels: usize, times: usize) -> Vec<u8> {
    let mut text = String::from("(component $c0 (core module $m (memory 1)) (core instance (instantiate $m)))");
    for level in 1..levels {
        let instances = format!("(instance (instantiate $c{}))", level - 1).repeat(times);
        text = format!("{text} (component $c{level} (alias outer 1 $c{0} (component $c{0})) {instances})", level - 1);
    }
    let last = levels - 1;
    wat::parse_str(format!("(component {text} (instance (instantiate $c{last})))")).unwrap()
}

fn repeated(head: &str, line: &str, count: usize) -> Vec<u8> {
    wat::parse_str(format!("(component {head} {})", line.repeat(count))).unwrap()
}

fn rows() -> Vec<Row> {
    let invalid = "not a valid component";
    let no_tool = "does not fit `safeclaw:tool`";
    vec![
        refused("functions-over", "a million functions and one", around(&functions(1_000_001, &plain(&[]))), invalid),
        refused(
            "functions-many",
            "twenty thousand functions of fifty instructions",
            around(&functions(20_000, &plain(&[I32_CONST, 0, DROP].repeat(25)))),
            no_tool,
        ),
        refused("function-over", "one function of 8 MB", around(&functions(1, &plain(&vec![NOP; 8_000_000]))), invalid),
        refused(
            "function-long",
            "one function of half a million instructions",
            around(&functions(1, &plain(&[I32_CONST, 0, DROP].repeat(250_000)))),
            no_tool,
        ),
        refused("locals-over", "one function with 50 001 locals", around(&functions(1, &locals(50_001))), invalid),
        refused(
            "locals-many",
            "twenty functions with 50 000 locals each, in 10 bytes each",
            around(&functions(20, &locals(50_000))),
            no_tool,
        ),
        refused(
            "br-table",
            "a branch to one of sixty thousand targets",
            around(&functions(1, &br_table(60_000))),
            no_tool,
        ),
        refused(
            "blocks",
            "a hundred thousand blocks inside one another",
            around(&functions(1, &blocks(100_000))),
            no_tool,
        ),
        refused("data-sparse", "4 GiB of initial memory in a hundred bytes", around(&sparse()), no_tool),
        refused("data-large", "32 MiB of initial memory", around(&large_data(32 << 20)), no_tool),
        refused(
            "types-over",
            "a million types and one",
            around(&module(&[section(1, &vector(1_000_001, &[0x60, 0, 0].repeat(1_000_001)))])),
            invalid,
        ),
        refused("types-doubling", "a type that doubles in size with each line, sixty times", doubling(60), invalid),
        refused(
            "params-over",
            "a function of a thousand parameters and one",
            around(&module(&[section(1, &[vec![1, 0x60], vector(1001, &[I64; 1001]), vec![0]].concat())])),
            invalid,
        ),
        refused(
            "globals-over",
            "a million globals and one",
            around(&module(&[section(6, &vector(1_000_001, &[0x7f, 0, I32_CONST, 0, END].repeat(1_000_001)))])),
            invalid,
        ),
        refused(
            "tables-over",
            "a hundred tables and one",
            around(&module(&[section(4, &vector(101, &[0x70, 0, 0].repeat(101)))])),
            invalid,
        ),
        refused(
            "memories-two",
            "two memories in a module",
            wat::parse_str("(component (core module (memory 1) (memory 1)))").unwrap(),
            invalid,
        ),
        refused(
            "instances-over",
            "a thousand core instances and one",
            repeated("(core module $m)", "(core instance (instantiate $m))", 1_001),
            invalid,
        ),
        refused(
            "instances-breeding",
            "components that instantiate one another: a million instances in 2 KB",
            breeding(7, 10),
            no_tool,
        ),
        refused(
            "instances-breeding-more",
            "the same once more: ten million instances, more than the compiler's memory",
            breeding(8, 10),
            "the compile container ended before it had answered",
        ),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn compile_bombs_end_and_the_hub_serves_on() {
    let bench = Bench::start().await;
    let told = bench.judge(rows()).await;
    bench.own.end().await;
    table::keep("bombs", &told);
}
