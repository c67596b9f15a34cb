;; Shared memory and atomics: a proposal that is off.
(component
  (core module $m
    (memory 1 1 shared)
    (func (export "wait") (result i32)
      (memory.atomic.wait32 (i32.const 0) (i32.const 0) (i64.const -1))))
  (core instance (instantiate $m)))
