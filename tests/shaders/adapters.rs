//! The adapters that tests/shaders.rs translates every kernel's examples for.

use wgbert::ir::Capabilities;

/// What is out there, and the least that may be.
pub fn adapters() -> Vec<(&'static str, Capabilities)> {
    let least = Capabilities::minimum;
    let desktop = || Capabilities {
        f16: true,
        int64: true,
        cooperative_vectors: true,
        timestamps: true,
        max_binding: 2 << 30,
        max_buffer: 2 << 30,
        workgroup_memory: 32768,
        workgroup_size: 1024,
        ..least()
    };
    vec![
        ("the least of WebGPU", least()),
        ("the least, with f16", Capabilities { f16: true, ..least() }),
        ("a card without subgroups", desktop()),
        (
            "NVIDIA",
            Capabilities {
                subgroup: Some((32, 32)),
                cooperative_matrix_size: Some(16),
                workgroup_memory: 49152,
                ..desktop()
            },
        ),
        ("NVIDIA without f16", Capabilities { subgroup: Some((32, 32)), f16: false, ..desktop() }),
        (
            "AMD",
            Capabilities {
                subgroup: Some((32, 64)),
                cooperative_matrix_size: Some(16),
                workgroup_memory: 65536,
                ..desktop()
            },
        ),
        ("Intel", Capabilities { subgroup: Some((8, 32)), ..desktop() }),
        (
            "Apple",
            Capabilities {
                subgroup: Some((32, 32)),
                cooperative_matrix_size: Some(8),
                cooperative_vectors: false,
                ..desktop()
            },
        ),
        ("a phone", Capabilities { subgroup: Some((64, 64)), f16: true, ..least() }),
        (
            "matrices and subgroups of many sizes",
            Capabilities { subgroup: Some((8, 16)), cooperative_matrix_size: Some(8), ..desktop() },
        ),
        ("lavapipe's matrices", Capabilities { subgroup: Some((8, 8)), cooperative_matrix_size: Some(8), ..desktop() }),
        ("lavapipe", Capabilities { cpu: true, subgroup: Some((8, 8)), ..desktop() }),
        ("lavapipe without f16", Capabilities { cpu: true, subgroup: Some((8, 8)), f16: false, ..desktop() }),
        ("lavapipe without int64", Capabilities { cpu: true, subgroup: Some((8, 8)), int64: false, ..desktop() }),
        ("lavapipe with SSE", Capabilities { cpu: true, subgroup: Some((4, 4)), ..desktop() }),
        ("lavapipe with AVX-512", Capabilities { cpu: true, subgroup: Some((16, 16)), f16: false, ..desktop() }),
        ("a software adapter without subgroups", Capabilities { cpu: true, ..least() }),
    ]
}
