;; Imports the host's own interface with another type for `log`: must not link.
(component
  (import "safeclaw:tool/host@0.1.0" (instance
    (export "log" (func (param "line" string) (result string))))))
