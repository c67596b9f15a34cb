;; Asks for 4 GiB before its first instruction.
(component
  (core module $m
    (memory 65536)
    (func (export "number") (result i32) i32.const 7))
  (core instance $i (instantiate $m))
  (func $number (result u32) (canon lift (core func $i "number")))
  (instance $tools
    (export "list-tools" (func $number))
    (export "call-tool" (func $number)))
  (export "safeclaw:tool/tools@0.1.0" (instance $tools)))
