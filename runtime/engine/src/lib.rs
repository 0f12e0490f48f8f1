//! The engine: wasmtime and DataFusion, as a hostile operator meets them.
//!
//! A job comes in two steps, each in a worker process of its own that is thrown away afterwards. *Admission*
//! ([`admit`]) sees no data: the module's `describe` gives the contract, and the plan guard ([`guard`]) proves the
//! query harmless or refuses it. The *run* ([`run`]) reads the granted rows ([`provider`], behind a gate that nothing
//! passes downwards), gives each subject's rows to an instance of its own ([`subject_map`], [`mapping`], [`arena`],
//! [`sandbox`]) and counts exactly ([`fold`]). What comes back is [`raw::RawOutput`], which can't be printed, logged or
//! serialised, only decoded against its contract.
//!
//! Around that stand the module checks ([`examine`]), the compiler in a process of its own ([`compile`], [`cache`]),
//! the fences that the kernel gives a worker ([`fence`]), the worker and its fleet ([`worker`], [`fleet`]), and the
//! way by which data files come in ([`ingest`], [`draft`], [`reading`], [`snapshot`]), and made-up rows for rehearsals
//! ([`synthetic`]). For vetted families, a query is read as a [`selection`] at admission, and a snapshot is tallied
//! ([`tally`]) when it is sealed.
//!
//! *Guarantees*: counts don't depend on partitions, threads or the order of rows; in the subject lanes nothing that a
//! row holds can make a run fail. *Doesn't guarantee*: anything once a module has escaped the sandbox and forges counts
//! in its worker; `runtime/docs/breach.md` says so.

pub mod admit;
pub mod arena;
pub mod ask;
pub mod cache;
pub mod columns;
pub mod compile;
pub mod draft;
pub mod examine;
pub mod fault;
pub mod fence;
pub mod fleet;
pub mod fold;
pub mod frame;
pub mod gate;
pub mod guard;
pub mod ingest;
pub mod mapping;
pub mod provider;
mod provision;
pub mod raw;
pub mod reading;
pub mod run;
pub mod sandbox;
pub mod selection;
pub mod session;
pub mod snapshot;
pub mod subject_map;
pub mod synthetic;
pub mod tally;
pub mod worker;

pub use fault::Fault;
pub use raw::RawOutput;
