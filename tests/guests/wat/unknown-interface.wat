;; Imports an interface that nobody offers: must be refused at registration, naming the import.
(component
  (import "attack:host/shell@1.0.0" (instance
    (export "run" (func (param "command" string))))))
