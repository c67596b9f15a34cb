;; Spins in its start function: code that runs when it is instantiated, before any tool is asked for.
;; Its exports have the wrong types: a host that checks them first never runs it, any other must bound it.
(component
  (core module $m
    (func $start (loop $ever (br $ever)))
    (start $start)
    (func (export "number") (result i32) i32.const 7))
  (core instance $i (instantiate $m))
  (func $number (result u32) (canon lift (core func $i "number")))
  (instance $tools
    (export "list-tools" (func $number))
    (export "call-tool" (func $number)))
  (export "safeclaw:tool/tools@0.1.0" (instance $tools)))
