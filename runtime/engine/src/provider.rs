//! A granted table: the columns and rows that a grant covers, over one sealed snapshot.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{DFSchema, DataFusionError, Result, ScalarValue, internal_err};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_expr::expressions::Column as PhysicalColumn;
use datafusion::physical_expr::{
    LexOrdering, Partitioning, PhysicalExpr, PhysicalSortExpr, RangePartitioning, SplitPoint,
};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::projection::{ProjectionExec, ProjectionExpr};
use object_store::ObjectStore;
use object_store::local::LocalFileSystem;
use sluice_domain::dictionary::{Column, ColumnKind};

use crate::ask::TableSpec;
use crate::gate::GrantGateExec;
use crate::snapshot::{Manifest, SUBJECT};

/// The Arrow type of a dictionary's column.
#[must_use]
pub fn data_type(kind: ColumnKind) -> DataType {
    match kind {
        ColumnKind::Bool => DataType::Boolean,
        ColumnKind::Int32 => DataType::Int32,
        ColumnKind::Int64 => DataType::Int64,
        ColumnKind::Float64 => DataType::Float64,
        ColumnKind::Utf8 => DataType::Utf8,
        ColumnKind::Date32 => DataType::Date32,
        ColumnKind::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
        ColumnKind::Decimal { precision, scale } => DataType::Decimal128(precision, scale),
    }
}

/// The Arrow schema of a dictionary's columns.
#[must_use]
pub fn schema_of<'a>(columns: impl IntoIterator<Item = &'a Column>) -> Schema {
    let field = |column: &Column| Field::new(&column.name, data_type(column.kind), true);
    Schema::new(columns.into_iter().map(field).collect::<Vec<_>>())
}

/// A table as a grant shows it.
///
/// Guarantees: queries see the granted columns and the rows that pass the row filter, and nothing that a query says
/// is evaluated on any other row. Does not guarantee that the row filter itself is total: the guard rewrites it.
pub struct GrantedTable {
    spec: TableSpec,
    /// What queries see.
    visible: SchemaRef,
    /// The snapshot's own schema, subject ordinal last.
    stored: SchemaRef,
    /// Whether the hidden ordinal of the subject is threaded through; rows without a subject are then left out.
    keyed: bool,
    row_filter: Option<Expr>,
    manifest: Option<Manifest>,
    store: Option<Arc<dyn ObjectStore>>,
}

impl fmt::Debug for GrantedTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GrantedTable({})", self.spec.name)
    }
}

impl GrantedTable {
    /// A table that shows what the grant covers. `keyed` tables carry the hidden ordinal of the subject.
    ///
    /// # Errors
    /// A snapshot that can't be opened.
    pub fn open(spec: TableSpec, keyed: bool, row_filter: Option<Expr>) -> Result<GrantedTable> {
        let granted = spec.columns.iter().filter(|column| spec.granted.contains(&column.name));
        let mut visible = schema_of(granted).fields().to_vec();
        if keyed {
            // Nullable like the stored column, though no row without a subject is shown: a plan and its scan must agree.
            visible.push(Arc::new(Field::new(SUBJECT, DataType::UInt32, true)));
        }
        let mut stored = schema_of(&spec.columns).fields().to_vec();
        if spec.subject.is_some() {
            stored.push(Arc::new(Field::new(SUBJECT, DataType::UInt32, true)));
        }
        let (manifest, store) = match &spec.snapshot {
            Some(folder) => (Some(Manifest::read(folder)?), Some(local(folder)?)),
            None => (None, None),
        };
        Ok(GrantedTable {
            visible: Arc::new(Schema::new(visible)),
            stored: Arc::new(Schema::new(stored)),
            keyed,
            row_filter,
            manifest,
            store,
            spec,
        })
    }

    /// Its name in queries.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.spec.name
    }

    /// The specification that it was opened with.
    #[must_use]
    pub fn spec(&self) -> &TableSpec {
        &self.spec
    }

    /// Whether its rows are about subjects.
    #[must_use]
    pub fn is_private(&self) -> bool {
        self.spec.subject.is_some()
    }

    /// Everything that the snapshot holds, for the row filter alone.
    #[must_use]
    pub fn stored_schema(&self) -> SchemaRef {
        schema_of(&self.spec.columns).into()
    }

    /// The same table, with the hidden ordinal.
    ///
    /// # Errors
    /// A snapshot that can't be opened.
    pub fn keyed(&self) -> Result<GrantedTable> {
        GrantedTable::open(self.spec.clone(), true, self.row_filter.clone())
    }

    /// The store of its snapshot, under the table's own address.
    pub(crate) fn store(&self) -> Option<(String, Arc<dyn ObjectStore>)> {
        self.store.as_ref().map(|store| (self.address(), Arc::clone(store)))
    }

    fn address(&self) -> String {
        // A host name has no underscore.
        format!("snapshot://{}", self.spec.name.replace('_', "-"))
    }

    /// The stored file groups for `partitions` partitions, and the ordinals at which one ends and the next begins.
    fn groups(&self, manifest: &Manifest, partitions: usize) -> (Vec<FileGroup>, Vec<u32>) {
        let parts: Vec<_> = manifest.parts.iter().filter(|part| !self.keyed || part.first.is_some()).collect();
        let mut groups: Vec<FileGroup> = Vec::new();
        let mut splits = Vec::new();
        let count = partitions.clamp(1, parts.len().max(1));
        let rows: u64 = parts.iter().map(|part| part.rows).sum();
        let share = rows.div_ceil(count as u64).max(1);
        let mut files = Vec::new();
        let mut taken = 0;
        for part in parts {
            let full = taken >= share.saturating_mul(groups.len() as u64 + 1) && groups.len() + 1 < count;
            if full && !files.is_empty() {
                groups.push(FileGroup::new(std::mem::take(&mut files)));
                splits.push(part.first.unwrap_or(0));
            }
            taken += part.rows;
            files.push(PartitionedFile::new(part.file.clone(), part.bytes));
        }
        if !files.is_empty() {
            groups.push(FileGroup::new(files));
        }
        (groups, splits)
    }

    fn closed_scan(
        &self,
        state: &dyn Session,
        manifest: &Manifest,
        wanted: &[usize],
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let position = |name: &str| match self.stored.index_of(name) {
            Ok(index) => Ok(index),
            Err(error) => Err(DataFusionError::from(error)),
        };
        let mut columns: Vec<usize> = Vec::new();
        for index in wanted {
            columns.push(position(self.visible.field(*index).name())?);
        }
        if let Some(filter) = &self.row_filter {
            for column in filter.column_refs() {
                columns.push(position(&column.name)?);
            }
        }
        if self.keyed {
            columns.push(position(SUBJECT)?);
        }
        columns.sort_unstable();
        columns.dedup();
        if columns.is_empty() {
            columns.push(0);
        }
        let (groups, splits) = self.groups(manifest, state.config().target_partitions());
        let partitions = groups.len();
        let source = Arc::new(ParquetSource::new(Arc::clone(&self.stored)));
        let config = FileScanConfigBuilder::new(ObjectStoreUrl::parse(self.address())?, source)
            .with_file_groups(groups)
            .with_projection_indices(Some(columns))?
            // Each partition reads its own files and no other's: the gate promises which subjects are where.
            .with_preserve_order(true)
            .build();
        let mut plan: Arc<dyn ExecutionPlan> = DataSourceExec::from_data_source(config);
        if let Some(filter) = &self.row_filter {
            let schema = DFSchema::try_from(plan.schema())?;
            let predicate = state.create_physical_expr(unqualified(filter.clone())?, &schema)?;
            plan = Arc::new(FilterExec::try_new(predicate, plan)?);
        }
        let mut shown: Vec<ProjectionExpr> = Vec::new();
        for index in wanted {
            let name = self.visible.field(*index).name();
            let column = PhysicalColumn::new_with_schema(name, &plan.schema())?;
            shown.push(ProjectionExpr { expr: Arc::new(column), alias: name.clone() });
        }
        plan = Arc::new(ProjectionExec::try_new(shown, plan)?);
        let key = if self.keyed { PhysicalColumn::new_with_schema(SUBJECT, &plan.schema()).ok() } else { None };
        let Some(key) = key else {
            return Ok(Arc::new(GrantGateExec::new(plan, Partitioning::UnknownPartitioning(partitions.max(1)), None)));
        };
        let key: Arc<dyn PhysicalExpr> = Arc::new(key);
        let Some(ordering) = LexOrdering::new([PhysicalSortExpr::new_default(key)]) else {
            return internal_err!("an ordering of one column isn't empty");
        };
        let splits = splits.into_iter().map(|split| SplitPoint::new(vec![ScalarValue::UInt32(Some(split))]));
        let range = RangePartitioning::try_new(ordering.clone(), splits.collect())?;
        Ok(Arc::new(GrantGateExec::new(plan, Partitioning::Range(range), Some(ordering))))
    }
}

#[async_trait::async_trait]
impl TableProvider for GrantedTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.visible)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let wanted = projection.cloned().unwrap_or_else(|| (0..self.visible.fields().len()).collect());
        let schema = Arc::new(self.visible.project(&wanted)?);
        match &self.manifest {
            Some(manifest) if manifest.parts.iter().any(|part| !self.keyed || part.first.is_some()) => {
                self.closed_scan(state, manifest, &wanted)
            }
            _ => Ok(Arc::new(GrantGateExec::new(
                Arc::new(EmptyExec::new(schema)),
                Partitioning::UnknownPartitioning(1),
                None,
            ))),
        }
    }
}

fn local(folder: &Path) -> Result<Arc<dyn ObjectStore>> {
    Ok(Arc::new(LocalFileSystem::new_with_prefix(folder)?))
}

/// The expression with its columns' qualifiers dropped: inside the scan there is one table only.
fn unqualified(expr: Expr) -> Result<Expr> {
    use datafusion::common::tree_node::{Transformed, TreeNode};
    let bare = expr.transform(|expr| {
        Ok(match expr {
            Expr::Column(column) => {
                Transformed::yes(Expr::Column(datafusion::common::Column::new_unqualified(column.name)))
            }
            other => Transformed::no(other),
        })
    })?;
    Ok(bare.data)
}
