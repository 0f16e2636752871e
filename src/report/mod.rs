//! What happened, as a value, and its forms: one file per format.

mod comm_matrix;
mod comparison;
mod csv;
mod cut;
mod facts;
mod field;
mod forecast;
mod info;
mod json;
mod log_view;
mod machine;
mod origin;
mod page;
mod paint;
mod partition;
mod plot;
mod prediction;
mod progress;
mod raster;
mod resources;
mod scale;
mod side_by_side;
mod spy;
mod terminal;
mod ticks;
mod view;
mod vtu;

pub use comm_matrix::CommMatrix;
pub use comparison::{Comparison, TimedSolve, comparison_csv, comparison_json, comparison_table, convergence_charts};
pub use csv::history_csv;
pub use cut::Surface;
pub use facts::{
    CheckpointFacts, ChoiceFacts, ErrorAFacts, ErrorNorms, Machine, MethodFacts, Options, OutcomeFacts, PartitionFacts,
    ProblemFacts, Run, SCHEMA, SpectrumFacts, Spread, StorageFacts,
};
pub use field::{Field, FieldPicture};
pub use info::{Estimate, INFO_SCHEMA, MatrixInfo, Needs, info_summary};
pub use json::to_json;
pub use log_view::log_view;
pub use machine::MachineReport;
pub use origin::Origin;
pub(crate) use origin::quoted;
pub use page::{Pictures, page};
pub use partition::{PARTITION_SCHEMA, PartitionRun, PartitionSeconds, partition_json, partition_summary};
pub use plot::{Chart, Curve};
pub use prediction::{Prediction, PredictionLine, prediction_table};
pub use progress::{Progress, ProgressLine};
pub use resources::{BandwidthFacts, MemoryFacts, PhaseSeconds, SetupSeconds, Traffic};
pub use side_by_side::side_by_side;
pub use spy::Spy;
pub(crate) use terminal::grouped;
pub use terminal::{summary, written_line};
pub use view::view;
pub use vtu::MeshFields;
