//! The gate above a granted table: nothing from above reaches below the row filter.
//!
//! A view is no barrier, and a filter inside a scan lets filters from above slip in before its own. The gate keeps
//! DataFusion's defaults for pushdown of filters, limits, projections and sorts, which let nothing pass, and declares
//! its own partitioning and order.

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::Result;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::execution::TaskContext;
use datafusion::physical_expr::{EquivalenceProperties, LexOrdering, Partitioning, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties, SendableRecordBatchStream,
};

/// The gate. It passes batches through unchanged.
#[derive(Debug)]
pub struct GrantGateExec {
    input: Arc<dyn ExecutionPlan>,
    properties: Arc<PlanProperties>,
}

impl GrantGateExec {
    /// A gate over `input` that promises this partitioning and order of its rows.
    #[must_use]
    pub fn new(
        input: Arc<dyn ExecutionPlan>,
        partitioning: Partitioning,
        ordering: Option<LexOrdering>,
    ) -> GrantGateExec {
        let equivalence = EquivalenceProperties::new_with_orderings(input.schema(), ordering);
        let properties =
            PlanProperties::new(equivalence, partitioning, EmissionType::Incremental, Boundedness::Bounded);
        GrantGateExec { input, properties: Arc::new(properties) }
    }
}

impl DisplayAs for GrantGateExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GrantGateExec")
    }
}

impl ExecutionPlan for GrantGateExec {
    fn name(&self) -> &'static str {
        "GrantGateExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        // The scan below is closed: no optimizer rule may reach into it.
        Vec::new()
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(self: Arc<Self>, _: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        self.input.execute(partition, context)
    }

    fn schema(&self) -> SchemaRef {
        self.input.schema()
    }
}
