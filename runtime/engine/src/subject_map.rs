//! `SubjectMapExec`: per-subject isolation as a physical operator.
//!
//! Its input is partitioned by subject and sorted by subject inside each partition. It takes one subject's rows after
//! the other, sorted by every column, gives them to a fresh instance of the module (or reads the contributions off
//! the rows, in a job without a module), and folds what comes back into counts. Each partition gives one row: its
//! counts, in the form of [`crate::raw`].

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::array::{BinaryArray, RecordBatch};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::Session;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DFSchema, DFSchemaRef, DataFusionError, Result, exec_err, internal_err};
use datafusion::execution::TaskContext;
use datafusion::execution::context::QueryPlanner;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::{Expr, Extension, LogicalPlan, UserDefinedLogicalNode, UserDefinedLogicalNodeCore};
use datafusion::physical_expr::expressions::Column as PhysicalColumn;
use datafusion::physical_expr::{
    Distribution, EquivalenceProperties, LexRequirement, OrderingRequirements, Partitioning, PhysicalExpr,
    PhysicalSortRequirement,
};
use datafusion::physical_plan::InputDistributionRequirements;
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PlanProperties, SendableRecordBatchStream,
};
use datafusion::physical_planner::{DefaultPhysicalPlanner, ExtensionPlanner, PhysicalPlanner};

use crate::mapping::{Mapping, map_partition};
use crate::snapshot::SUBJECT;

/// The schema of the operator's output.
fn output_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![Field::new("counts", DataType::Binary, false)]))
}

/// The logical node.
#[derive(Debug, Clone)]
pub struct SubjectMapNode {
    input: LogicalPlan,
    mapping: Arc<Mapping>,
    schema: DFSchemaRef,
}

impl SubjectMapNode {
    /// Puts the map on top of a plan whose first column is the subject's ordinal.
    ///
    /// # Errors
    /// A plan without that column: a fault of ours.
    pub fn over(input: LogicalPlan, mapping: Arc<Mapping>) -> Result<LogicalPlan> {
        if input.schema().fields().first().is_none_or(|field| field.name() != SUBJECT) {
            return internal_err!("the first column isn't the subject's ordinal");
        }
        let schema = Arc::new(DFSchema::try_from(output_schema())?);
        Ok(LogicalPlan::Extension(Extension { node: Arc::new(SubjectMapNode { input, mapping, schema }) }))
    }
}

impl PartialEq for SubjectMapNode {
    fn eq(&self, other: &Self) -> bool {
        self.input == other.input && Arc::ptr_eq(&self.mapping, &other.mapping)
    }
}

impl Eq for SubjectMapNode {}

impl PartialOrd for SubjectMapNode {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.input.partial_cmp(&other.input)
    }
}

impl Hash for SubjectMapNode {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.input.hash(state);
    }
}

impl UserDefinedLogicalNodeCore for SubjectMapNode {
    fn name(&self) -> &'static str {
        "SubjectMap"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.input]
    }

    fn schema(&self) -> &DFSchemaRef {
        &self.schema
    }

    fn expressions(&self) -> Vec<Expr> {
        Vec::new()
    }

    fn prevent_predicate_push_down_columns(&self) -> std::collections::HashSet<String> {
        self.schema.fields().iter().map(|field| field.name().clone()).collect()
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SubjectMap")
    }

    fn with_exprs_and_inputs(&self, _: Vec<Expr>, mut inputs: Vec<LogicalPlan>) -> Result<Self> {
        match (inputs.pop(), inputs.is_empty()) {
            (Some(input), true) => Ok(SubjectMapNode { input, ..self.clone() }),
            _ => internal_err!("a subject map has one input"),
        }
    }

    fn necessary_children_exprs(&self, _: &[usize]) -> Option<Vec<Vec<usize>>> {
        // Every column crosses, whatever is asked of the output.
        Some(vec![(0..self.input.schema().fields().len()).collect()])
    }
}

/// Plans queries with the subject map among them.
#[derive(Debug)]
pub struct SubjectPlanner;

#[async_trait::async_trait]
impl QueryPlanner for SubjectPlanner {
    async fn create_physical_plan(&self, plan: &LogicalPlan, state: &dyn Session) -> Result<Arc<dyn ExecutionPlan>> {
        let planner = DefaultPhysicalPlanner::with_extension_planners(vec![Arc::new(SubjectMapPlanner)]);
        planner.create_physical_plan(plan, state).await
    }
}

struct SubjectMapPlanner;

#[async_trait::async_trait]
impl ExtensionPlanner for SubjectMapPlanner {
    async fn plan_extension(
        &self,
        _planner: &dyn PhysicalPlanner,
        node: &dyn UserDefinedLogicalNode,
        _logical_inputs: &[&LogicalPlan],
        physical_inputs: &[Arc<dyn ExecutionPlan>],
        _session: &dyn Session,
        _context: &PhysicalPlanningContext,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let Some(node) = node.as_any().downcast_ref::<SubjectMapNode>() else {
            return Ok(None);
        };
        match physical_inputs {
            [input] => Ok(Some(Arc::new(SubjectMapExec::new(Arc::clone(input), Arc::clone(&node.mapping))?))),
            _ => internal_err!("a subject map has one input"),
        }
    }
}

/// The physical operator.
#[derive(Debug)]
pub struct SubjectMapExec {
    input: Arc<dyn ExecutionPlan>,
    mapping: Arc<Mapping>,
    key: Arc<dyn PhysicalExpr>,
    properties: Arc<PlanProperties>,
}

impl SubjectMapExec {
    fn new(input: Arc<dyn ExecutionPlan>, mapping: Arc<Mapping>) -> Result<SubjectMapExec> {
        if input.schema().fields().first().is_none_or(|field| field.name() != SUBJECT) {
            return internal_err!("the first column isn't the subject's ordinal");
        }
        let key: Arc<dyn PhysicalExpr> = Arc::new(PhysicalColumn::new(SUBJECT, 0));
        let properties = PlanProperties::new(
            EquivalenceProperties::new(output_schema()),
            Partitioning::UnknownPartitioning(input.output_partitioning().partition_count()),
            EmissionType::Final,
            Boundedness::Bounded,
        );
        Ok(SubjectMapExec { input, mapping, key, properties: Arc::new(properties) })
    }
}

impl DisplayAs for SubjectMapExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SubjectMapExec")
    }
}

impl ExecutionPlan for SubjectMapExec {
    fn name(&self) -> &'static str {
        "SubjectMapExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn input_distribution_requirements(&self) -> InputDistributionRequirements {
        InputDistributionRequirements::new(vec![Distribution::KeyPartitioned(vec![Arc::clone(&self.key)])])
    }

    fn required_input_ordering(&self) -> Vec<Option<OrderingRequirements>> {
        let by_subject = PhysicalSortRequirement::new(Arc::clone(&self.key), Some(Default::default()));
        vec![LexRequirement::new([by_subject]).map(OrderingRequirements::new)]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![true]
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        f(&self.key)
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        match children.as_slice() {
            [input] => Ok(Arc::new(SubjectMapExec::new(Arc::clone(input), Arc::clone(&self.mapping))?)),
            _ => internal_err!("a subject map has one input"),
        }
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let input = self.input.execute(partition, context)?;
        let mapping = Arc::clone(&self.mapping);
        let counted = async move {
            let counts = map_partition(input, &mapping, partition).await?;
            let bytes = crate::raw::encode(&counts);
            let column = Arc::new(BinaryArray::from_vec(vec![bytes.as_slice()]));
            RecordBatch::try_new(output_schema(), vec![column]).map_err(DataFusionError::from)
        };
        Ok(Box::pin(RecordBatchStreamAdapter::new(output_schema(), futures::stream::once(counted))))
    }
}

/// Merges what the partitions counted.
///
/// # Errors
/// Output that isn't the operator's.
pub fn merge(batches: &[RecordBatch], mapping: &Mapping) -> Result<crate::fold::Counts> {
    use datafusion::arrow::array::AsArray;
    let mut whole = crate::fold::Counts::new(&mapping.shape);
    for batch in batches {
        for bytes in batch.column(0).as_binary::<i32>().iter().flatten() {
            let Some(counts) = crate::raw::decode(bytes, &mapping.shape) else {
                return exec_err!("a partition's counts aren't well formed");
            };
            whole.merge(&counts);
        }
    }
    Ok(whole)
}
