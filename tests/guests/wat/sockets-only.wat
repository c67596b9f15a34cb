;; Imports sockets and nothing else: must not link, and must look the same as an unknown import does.
(component
  (import "wasi:sockets/instance-network@0.2.6" (instance
    (export "network" (type (sub resource)))))
  (import "wasi:sockets/tcp@0.2.6" (instance
    (export "tcp-socket" (type (sub resource))))))
