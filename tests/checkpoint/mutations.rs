//! Thousands of damaged files: what does not open is an error that names the file, and nothing that a few bytes say makes
//! the library allocate much more than the file is long.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use proptest::prelude::*;
use proptest::sample::Index;
use wgbert::checkpoint::{Config, Weights};
use wgbert::ir::Weight;

use super::{CONFIG, small, with_header};

/// Counts what one thread asks for, so that a test can see what its own file made the library allocate.
struct Counting;

thread_local! {
    static LARGEST: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: every call is passed on to the system's allocator unchanged; a thread that is ending is not counted.
#[allow(unsafe_code, reason = "an allocator is unsafe to write")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = LARGEST.try_with(|largest| largest.set(largest.get().max(layout.size())));
        // SAFETY: the caller's promises about `layout` are the ones required here.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the pointer came from `alloc` above, that is from the system's allocator.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The result and the largest single allocation made on the way to it.
fn counted<T>(work: impl FnOnce() -> T) -> (T, usize) {
    LARGEST.set(0);
    let result = work();
    (result, LARGEST.get())
}

/// Positions of the numbers in the header of `small`, after the names.
fn numbers(header: &str) -> Vec<std::ops::Range<usize>> {
    let mut numbers = Vec::new();
    let mut start = None;
    for (position, byte) in header.bytes().enumerate() {
        let before = header.as_bytes()[position.saturating_sub(1)];
        match start {
            None if byte.is_ascii_digit() && b"[,".contains(&before) => start = Some(position),
            Some(begin) if !byte.is_ascii_digit() => {
                numbers.push(begin..position);
                start = None;
            }
            _ => {}
        }
    }
    numbers
}

/// Opening and reading what opens; the largest allocation must be small beside the file.
fn survives(bytes: Vec<u8>) -> Result<(), wgbert::Error> {
    let length = bytes.len();
    let (result, largest) = counted(|| {
        let weights = Weights::from_bytes("mutated.safetensors", bytes)?;
        for name in weights.names() {
            let weight = match *weights.shape(name).expect("it is listed") {
                [columns] => Weight::vector(name, columns),
                [rows, columns] => Weight::table(name, rows, columns),
                _ => continue,
            };
            // What the bytes say may be NaN or an integer; that is an error of its own.
            let _ = weights.read(&weight);
        }
        Ok(())
    });
    assert!(largest <= 4 * length + 4096, "{largest} bytes at once for a file of {length}");
    result
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_changed(changes in prop::collection::vec((any::<Index>(), any::<u8>()), 1..6)) {
        let mut bytes = small();
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        let _ = survives(bytes);
    }

    #[test]
    fn any_header(header in "\\PC{0,200}", data in 0_usize..64) {
        prop_assert!(survives(with_header(&header, data)).is_err());
    }

    #[test]
    fn another_size_or_offset(place in any::<Index>(), number in any::<u64>(), small_number in 0_u64..64, large in any::<bool>()) {
        let bytes = small();
        let length = u64::from_le_bytes(bytes[..8].try_into().expect("eight bytes")) as usize;
        let mut header = String::from_utf8(bytes[8..8 + length].to_vec()).expect("JSON");
        let range = place.get(&numbers(&header)).clone();
        let number = if large { number } else { small_number }.to_string();
        prop_assume!(header[range.clone()] != number);
        header.replace_range(range, &number);
        let changed = [&(header.len() as u64).to_le_bytes(), header.as_bytes(), &bytes[8 + length..]].concat();
        let message = survives(changed).expect_err("a size is wrong").to_string();
        prop_assert!(message.starts_with("mutated.safetensors: tensor "), "{}", message);
    }

    #[test]
    fn any_truncation(place in any::<Index>()) {
        let mut bytes = small();
        bytes.truncate(place.index(bytes.len()));
        let message = survives(bytes).expect_err("it is truncated").to_string();
        prop_assert!(message.contains("mutated.safetensors") && message.contains("truncated"), "{}", message);
    }

    #[test]
    fn any_config_changed(changes in prop::collection::vec((any::<Index>(), "[0-9a-z\\[\\]{}\",:. -]"), 1..6)) {
        let mut text: Vec<u8> = CONFIG.into();
        for (place, byte) in changes {
            let place = place.index(text.len());
            text[place] = byte.as_bytes()[0];
        }
        match Config::new(&text, "config.json") {
            Ok(config) => {
                prop_assert!(!config.labels.is_empty());
                let _ = (config.scoring(), config.effective_problem_type(false), config.label_index("a"));
            }
            Err(error) => prop_assert!(error.to_string().starts_with("config.json: ")),
        }
    }

    #[test]
    fn any_number_of_labels(count in any::<u64>()) {
        let text = format!(r#"{{"model_type": "bert", "num_labels": {count}}}"#);
        let (result, largest) = counted(|| Config::new(text.as_bytes(), "config.json"));
        prop_assert_eq!(result.is_ok(), (1..=1_000_000).contains(&count));
        prop_assert!(result.is_ok() || largest < 4096);
    }
}
