use half::bf16;

use super::*;

fn stored<'a>(shape: &'a [usize], element: Dtype, data: &'a [u8]) -> Stored<'a> {
    Stored { name: "some.weight", shape, element, path: Path::new("model.safetensors"), data }
}

/// Numbers that every element type holds exactly, one byte off any alignment.
fn misaligned(element: Dtype, count: usize) -> (Vec<u8>, Vec<f32>) {
    let values: Vec<f32> = (0..count).map(|index| (index % 251) as f32 - 125.0).collect();
    let mut bytes = vec![0xff];
    for &value in &values {
        match element {
            Dtype::F64 => bytes.extend(f64::from(value).to_le_bytes()),
            Dtype::F32 => bytes.extend(value.to_le_bytes()),
            Dtype::F16 => bytes.extend(f16::from_f32(value).to_le_bytes()),
            _ => bytes.extend(bf16::from_f32(value).to_le_bytes()),
        }
    }
    (bytes, values)
}

#[test]
fn every_type_is_read_at_any_alignment() {
    for element in [Dtype::F64, Dtype::F32, Dtype::F16, Dtype::BF16] {
        let count = RUN + TILE + 3;
        let (bytes, values) = misaligned(element, count);
        let shape = [count];
        let tensor = stored(&shape, element, &bytes[1..]);
        let mut output = vec![0.0; count];
        tensor.read(0..count, &mut output).expect("finite");
        assert_eq!(output, values, "{element}");
        tensor.read(5..RUN + 7, &mut output[..RUN + 2]).expect("finite");
        assert_eq!(output[..RUN + 2], values[5..RUN + 7], "{element}");
    }
}

#[test]
fn matrices_of_every_size_are_transposed_into_their_columns() {
    for element in [Dtype::F64, Dtype::F32, Dtype::F16, Dtype::BF16] {
        for shape in [[1, 1], [3, 200], [200, 3], [TILE, TILE], [TILE + 1, 2 * TILE - 1]] {
            let [rows, columns] = shape;
            let (bytes, values) = misaligned(element, rows * columns);
            let (first, output_columns) = (2, rows + 3);
            let mut output = vec![f32::MAX; columns * output_columns];
            let tensor = stored(&shape, element, &bytes[1..]);
            tensor.read_transposed(0..columns, &mut output, output_columns, first).expect("finite");
            for (index, value) in output.iter().enumerate() {
                let (column, place) = (index / output_columns, index % output_columns);
                let row = place.checked_sub(first).filter(|&row| row < rows);
                let expected = row.map_or(f32::MAX, |row| values[row * columns + column]);
                assert_eq!(*value, expected, "{element} {shape:?} at {index}");
            }
        }
    }
}

#[test]
fn numbers_that_are_not_finite_are_named_by_their_place() {
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let shape = [70, 100];
        let mut values = vec![0.5_f32; 7000];
        values[67 * 100 + 99] = bad;
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        let tensor = stored(&shape, Dtype::F32, &bytes);
        let expected = format!("model.safetensors: tensor some.weight: element [67, 99] is {bad}");
        let mut output = vec![0.0; 7000];
        let straight = tensor.read(0..7000, &mut output).expect_err("not finite").to_string();
        assert!(straight.starts_with(&expected), "{straight}");
        let transposed = tensor.read_transposed(0..100, &mut output, 70, 0).expect_err("not finite").to_string();
        assert!(transposed.starts_with(&expected), "{transposed}");
        // The rows before it are not touched by its fault.
        tensor.read(0..6700, &mut output[..6700]).expect("finite");
    }
}

#[test]
fn other_types_are_named() {
    for element in [Dtype::I64, Dtype::I8, Dtype::F8_E4M3, Dtype::BOOL] {
        let message = stored(&[0], element, &[]).check_element().expect_err("no float").to_string();
        let expected = format!("tensor some.weight: its elements are {element}; supported are F64, F32, F16 and BF16");
        assert!(message.contains(&expected), "{message}");
    }
}

#[test]
fn rows_of_tables_may_be_unusable() {
    let shape = [4, 3];
    let mut values = [0.5_f64; 12];
    values[4] = f64::NAN;
    // It is finite in the file only.
    values[11] = 1e300;
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    let tensor = stored(&shape, Dtype::F64, &bytes);
    let mut output = vec![7.0; 9];
    let unusable = tensor.read_table(1..4, 3, &mut output).expect("a float");
    assert_eq!(output, [0.0, 0.0, 0.0, 0.5, 0.5, 0.5, 0.0, 0.0, 0.0]);
    assert_eq!(unusable.iter().map(|(row, _)| *row).collect::<Vec<_>>(), [1, 3]);
    assert!(unusable[0].1.starts_with("element [1, 1] is NaN"), "{unusable:?}");
    assert!(unusable[1].1.starts_with("element [3, 2] is inf"), "{unusable:?}");
}
