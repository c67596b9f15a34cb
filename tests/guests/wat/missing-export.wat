;; A valid component that exports nothing: it has no tools.
(component)
