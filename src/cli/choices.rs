//! What an option may be, by the names that its values have here and in the bindings.

pub use super::arguments::AggregationName;
pub use super::device::{BackendName, PrecisionName, TensorCoresName};
pub use super::row_arguments::{LongTexts, PairLongTexts, ScoringFunction, WindowsName};
pub use clap::ValueEnum;

/// The value of this name.
///
/// # Errors
/// A message with the names that there are.
pub fn choice<N: ValueEnum>(name: &str) -> Result<N, String> {
    N::from_str(name, false).map_err(|_| {
        let values = N::value_variants().iter().filter_map(N::to_possible_value);
        let names: Vec<String> = values.map(|value| format!("{:?}", value.get_name())).collect();
        format!("{name:?}, which is none of {}", names.join(", "))
    })
}
