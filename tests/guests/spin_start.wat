;; A start function that loops: instantiation itself never ends, before any export is called.
(module
  (memory (export "memory") 1)
  (func $spin (loop $again (br $again)))
  (start $spin)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) unreachable)
  (func (export "sluice:guest/tabulate@0.1.0#describe") (param i32 i32) (result i32) unreachable)
  (func (export "sluice:guest/tabulate@0.1.0#map") (param i32 i32) (result i32) unreachable))
