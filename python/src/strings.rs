//! Python's strings as an Arrow column.

use crate::errors;
use arrow_array::builder::StringBuilder;
use arrow_array::{ArrayRef, StringArray};
use pyo3::prelude::*;
use pyo3::types::PyString;
use std::sync::Arc;

/// Bytes of the strings of one array, whose offsets are of 31 bits.
const BYTES: usize = 1 << 30;

/// One text.
pub fn of_one(text: &Bound<'_, PyString>) -> PyResult<ArrayRef> {
    Ok(Arc::new(StringArray::from(vec![string(text, 0)?])))
}

/// The strings of whatever can be iterated over. None is null, and so is what pandas has in the place of an absent one.
pub fn of_all(object: &Bound<'_, PyAny>) -> PyResult<Vec<ArrayRef>> {
    let py = object.py();
    let wrong = |what: &Bound<'_, PyAny>, place: Option<usize>| {
        let kind = what.get_type().name().map_or_else(|_| "object".into(), |name| name.to_string());
        errors::data(
            py,
            match place {
                Some(index) => format!("text {index} is neither a str nor None: it is {kind}"),
                None => format!(
                    "texts are a str, a list of them, or a column by Arrow's C interface (pyarrow, polars, pandas, duckdb...), \
                     and no {kind}"
                ),
            },
        )
    };
    // A dict gives its keys, and bytes numbers.
    let strings =
        match object.is_instance_of::<pyo3::types::PyDict>() || object.is_instance_of::<pyo3::types::PyBytes>() {
            true => Err(wrong(object, None)),
            false => object.try_iter().map_err(|_| wrong(object, None)),
        }?;
    let (mut arrays, mut builder): (Vec<ArrayRef>, _) = (Vec::new(), StringBuilder::new());
    for (index, item) in strings.enumerate() {
        let item = item?;
        match item.cast::<PyString>() {
            Ok(text) => {
                let text = string(text, index)?;
                if !builder.values_slice().is_empty() && builder.values_slice().len() + text.len() > BYTES {
                    arrays.push(Arc::new(builder.finish()));
                }
                builder.append_value(text);
            }
            Err(_) if is_null(&item)? => builder.append_null(),
            Err(_) => return Err(wrong(&item, Some(index))),
        }
    }
    arrays.push(Arc::new(builder.finish()));
    Ok(arrays)
}

fn is_null(item: &Bound<'_, PyAny>) -> PyResult<bool> {
    let is_nan = || item.extract::<f64>().is_ok_and(f64::is_nan);
    Ok(item.is_none() || is_nan() || item.get_type().name()?.to_str()? == "NAType")
}

fn string<'a>(text: &'a Bound<'_, PyString>, index: usize) -> PyResult<&'a str> {
    let py = text.py();
    let text = text.to_str().map_err(|_| {
        errors::text(py, index, &format!("text {index}: it has half of a surrogate pair, which is no character"))
    })?;
    match text.len() {
        0..=BYTES => Ok(text),
        bytes => Err(errors::text(py, index, &format!("text {index}: it has {bytes} bytes, more than {BYTES}"))),
    }
}
