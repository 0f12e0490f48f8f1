//! The query session of one job: no functions but those listed, no tables but the grant's, no files but the
//! snapshots'.

use std::path::Path;
use std::sync::Arc;

use datafusion::catalog::{CatalogProvider, MemoryCatalogProvider, MemorySchemaProvider, SchemaProvider};
use datafusion::common::{Result, exec_err};
use datafusion::execution::SessionStateDefaults;
use datafusion::execution::context::SessionConfig;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::object_store::ObjectStoreRegistry;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::optimizer::{Optimizer, OptimizerRule};
use object_store::ObjectStore;
use sluice_domain::limits::Limits;

use crate::guard::functions;
use crate::provider::GrantedTable;
use crate::subject_map::SubjectPlanner;

/// Rows of a batch.
pub(crate) const BATCH_ROWS: usize = 8_192;

/// The rule that flattens inner joins and joins what it finds first.
const REORDERS: &str = "eliminate_cross_join";

/// How a session runs.
pub struct SessionSettings<'a> {
    /// Partitions to plan for; a result never depends on it.
    pub partitions: usize,
    /// Where to spill; nowhere when planning without data.
    pub folder: Option<&'a Path>,
    /// Whether DataFusion pushes filters into Parquet. Off outside tests that show it makes no difference.
    pub pushdown: bool,
}

impl SessionSettings<'_> {
    /// For planning without data.
    #[must_use]
    pub fn planning() -> SessionSettings<'static> {
        SessionSettings { partitions: 1, folder: None, pushdown: false }
    }
}

/// Builds a session that knows `tables` and nothing else.
///
/// # Errors
/// A spill folder that can't be used.
pub fn session(limits: &Limits, tables: &[Arc<GrantedTable>], settings: &SessionSettings<'_>) -> Result<SessionState> {
    let mut config = SessionConfig::new()
        .with_target_partitions(settings.partitions.max(1))
        .with_batch_size(BATCH_ROWS)
        .with_information_schema(false)
        .with_create_default_catalog_and_schema(false)
        .with_default_catalog_and_schema("sluice", "granted")
        .with_round_robin_repartition(false)
        .with_collect_statistics(false)
        .with_repartition_file_scans(false);
    let options = config.options_mut();
    options.sql_parser.recursion_limit = datafusion::common::config::ConfigNonZeroUsize::try_new(48)?;
    options.sql_parser.enable_ident_normalization = true;
    options.execution.enable_file_stream_work_stealing = false;
    options.execution.parquet.pushdown_filters = settings.pushdown;
    options.execution.parquet.reorder_filters = false;
    options.execution.sort_spill_reservation_bytes = 16 * 1024 * 1024;
    let schema = MemorySchemaProvider::new();
    for table in tables {
        schema.register_table(table.name().to_owned(), Arc::clone(table) as _)?;
    }
    let catalog = MemoryCatalogProvider::new();
    catalog.register_schema("granted", Arc::new(schema))?;
    let catalogs = datafusion::catalog::MemoryCatalogProviderList::new();
    datafusion::catalog::CatalogProviderList::register_catalog(&catalogs, "sluice".to_owned(), Arc::new(catalog));
    Ok(SessionStateBuilder::new()
        .with_config(config)
        .with_runtime_env(runtime(limits, tables, settings)?)
        .with_catalog_list(Arc::new(catalogs))
        .with_expr_planners(SessionStateDefaults::default_expr_planners())
        .with_scalar_functions(functions::scalar())
        .with_aggregate_functions(functions::aggregate())
        .with_query_planner(Arc::new(SubjectPlanner))
        .with_optimizer_rules(rules())
        .build())
}

/// DataFusion's own rules, but for the one that puts joins into another order. The guard proves on the plan as it was
/// written that no join multiplies a subject's rows; in another order one could, before a later one cuts them back.
fn rules() -> Vec<Arc<dyn OptimizerRule + Send + Sync>> {
    let mut rules = Optimizer::new().rules;
    rules.retain(|rule| rule.name() != REORDERS);
    rules
}

fn runtime(limits: &Limits, tables: &[Arc<GrantedTable>], settings: &SessionSettings<'_>) -> Result<Arc<RuntimeEnv>> {
    let bytes = usize::try_from(limits.query_memory_bytes).unwrap_or(usize::MAX);
    let disk = match settings.folder {
        Some(folder) => DiskManagerBuilder::default()
            .with_mode(DiskManagerMode::Directories(vec![folder.to_path_buf()]))
            .with_max_temp_directory_size(limits.spill_bytes_max),
        None => DiskManagerBuilder::default().with_mode(DiskManagerMode::Disabled),
    };
    RuntimeEnvBuilder::new()
        .with_memory_pool(Arc::new(FairSpillPool::new(bytes)))
        .with_disk_manager_builder(disk)
        .with_object_store_registry(Arc::new(SnapshotStores::new(tables)))
        .build_arc()
}

/// The object stores of a job: one per table, rooted in its snapshot's folder. There is no way to add another.
#[derive(Debug)]
struct SnapshotStores(Vec<(String, Arc<dyn ObjectStore>)>);

impl SnapshotStores {
    fn new(tables: &[Arc<GrantedTable>]) -> SnapshotStores {
        SnapshotStores(tables.iter().filter_map(|table| table.store()).collect())
    }
}

impl ObjectStoreRegistry for SnapshotStores {
    fn register_store(&self, _url: &url::Url, _store: Arc<dyn ObjectStore>) -> Option<Arc<dyn ObjectStore>> {
        None
    }

    fn get_store(&self, url: &url::Url) -> Result<Arc<dyn ObjectStore>> {
        let wanted = url.as_str().trim_end_matches('/');
        let store = self.0.iter().find(|(known, _)| known.trim_end_matches('/') == wanted);
        match store {
            Some((_, store)) => Ok(Arc::clone(store)),
            None => exec_err!("no such store"),
        }
    }
}
