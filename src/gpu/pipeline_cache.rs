//! What the driver compiled, kept in a file so that the next process need not wait for it again. Vulkan only.

use super::{AdapterDescription, Gpu, cache};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::{fs, io};

/// A driver's cache of pipelines and the file it is kept in.
#[derive(Debug)]
pub(super) struct PipelineCache {
    cache: wgpu::PipelineCache,
    path: PathBuf,
    /// What the file must begin with.
    header: String,
    /// Bytes of data that the file holds. A driver's cache only grows, but may come in another order each time.
    kept: Mutex<Option<usize>>,
}

impl PipelineCache {
    /// The cache of an adapter, whose device has [`wgpu::Features::PIPELINE_CACHE`], with what `folder` has of it; none
    /// where the driver makes none.
    ///
    /// A file that cannot be used is replaced by the next [`PipelineCache::keep`].
    pub(super) async fn open(gpu: &Gpu, adapter: &AdapterDescription, folder: &Path) -> Option<PipelineCache> {
        let path = folder.join(format!("pipelines-{}.bin", adapter.file_stem()));
        let device = wgpu::util::pipeline_cache_key(&gpu.device.adapter_info())?;
        let header = format!("wgbert {} pipelines {device} {adapter}\n", env!("CARGO_PKG_VERSION"));
        let file = fs::read(&path).unwrap_or_else(|error| {
            if error.kind() != io::ErrorKind::NotFound {
                log::warn!("cannot read {}: {error}", path.display());
            }
            Vec::new()
        });
        let data = decode(&header, &file);
        if data.is_none() && !file.is_empty() {
            log::info!("{}: damaged, or of another device: it is replaced", path.display());
        }
        let descriptor = wgpu::PipelineCacheDescriptor { label: Some("wgbert"), data, fallback: true };
        let create = || {
            // SAFETY: the data must come from `get_data`. What `decode` returns was written by `keep`, which has it from
            // there, for a device of this name, vendor, product and driver, and has not been damaged since: its length and
            // checksum are right. Against somebody who forges the file nothing helps; it lies in a folder of the user's,
            // who could as well replace the program. wgpu compares the driver's own identifier before the driver sees it.
            #[allow(unsafe_code, reason = "a driver is handed what a file holds")]
            let cache = unsafe { gpu.device.create_pipeline_cache(&descriptor) };
            cache
        };
        match gpu.guard("making a pipeline cache", 0, create).await {
            Ok(cache) => Some(PipelineCache { cache, path, kept: Mutex::new(data.map(<[u8]>::len)), header }),
            Err(error) => {
                log::warn!("{error}");
                None
            }
        }
    }

    /// What pipelines are made with.
    pub(super) fn cache(&self) -> &wgpu::PipelineCache {
        &self.cache
    }

    /// Writes the file if the driver compiled something that it does not hold yet. Without the file the next process is
    /// slower, no more: that it cannot be written is only logged.
    pub(super) fn keep(&self) {
        let Some(data) = self.cache.get_data() else { return };
        let bytes = Some(data.len());
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if *kept != bytes {
            // Also if it fails: once said is enough.
            *kept = bytes;
            if let Err(error) = cache::write(&self.path, &encode(&self.header, &data)) {
                log::warn!("compiled pipelines are not kept: {error}");
            }
        }
    }
}

/// A file of `data`: the header, the length and the CRC-32 of the data, little-endian, and the data. What wgpu puts before
/// the data has no checksum, and drivers trust it.
fn encode(header: &str, data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u64).to_le_bytes();
    let checksum = crc32fast::hash(data).to_le_bytes();
    [header.as_bytes(), &length, &checksum, data].concat()
}

/// The data of an undamaged file with this header.
fn decode<'a>(header: &str, file: &'a [u8]) -> Option<&'a [u8]> {
    let rest = file.strip_prefix(header.as_bytes())?;
    let (length, rest) = rest.split_first_chunk()?;
    let (checksum, data) = rest.split_first_chunk()?;
    let whole = u64::from_le_bytes(*length) == data.len() as u64;
    (whole && u32::from_le_bytes(*checksum) == crc32fast::hash(data)).then_some(data)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_written_for_this_device_is_read() {
        let data: Vec<u8> = (0..=255).collect();
        let file = encode("this\n", &data);
        assert_eq!(decode("this\n", &file), Some(&data[..]));
        assert_eq!(decode("this\n", &encode("this\n", &[])), Some(&[][..]));
        assert_eq!(decode("other\n", &file), None);
        for length in 0..file.len() {
            assert_eq!(decode("this\n", &file[..length]), None, "cut to {length}");
        }
        assert_eq!(decode("this\n", &[&file[..], b"x"].concat()), None);
        for bit in 0..8 * file.len() {
            let mut flipped = file.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(decode("this\n", &flipped), None, "bit {bit}");
        }
    }
}
