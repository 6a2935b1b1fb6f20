//! Options -> adapters, what kernels see of them, and how much runs there at once.

use super::{Adapter, Options, SelfCheck, TensorCores, adapter};
use crate::error::{Error, Result};
use crate::gpu::AdapterDescription;
use crate::ir::{BatchLimits, Capabilities, Recording, Rows, Storage, Tuning};
use std::sync::Arc;

impl Options {
    /// The adapter that is meant, the first of several, as kernels see it ([`Options::effective_capabilities`]); `None` is the
    /// reference.
    ///
    /// # Errors
    /// [`Error::NoAdapter`], [`Error::NoSuchAdapter`] with those there are, or [`Error::Adapter`] if it cannot be seen as
    /// another.
    #[cfg_attr(not(feature = "internals"), doc(hidden))]
    pub async fn choose(&self) -> Result<Option<AdapterDescription>> {
        Ok(self.choose_all().await?.swap_remove(0))
    }

    /// The adapters that are meant, at least one.
    ///
    /// # Errors
    /// As [`Options::choose`].
    #[cfg_attr(not(feature = "internals"), doc(hidden))]
    pub async fn choose_all(&self) -> Result<Vec<Option<AdapterDescription>>> {
        Ok(self.choose_in_turn().await?.into_iter().map(|mut each| each.swap_remove(0)).collect())
    }

    /// The adapters that are meant, each with those that answer in its place if it computes something wrong: the others, the
    /// fastest kind first, where it was chosen because it is the best.
    ///
    /// # Errors
    /// As [`Options::choose`].
    pub(crate) async fn choose_in_turn(&self) -> Result<Vec<Vec<Option<AdapterDescription>>>> {
        if self.adapter == Adapter::Reference {
            return Ok(vec![vec![None]]);
        }
        let adapters = Adapter::list(self.backend).await?;
        let choose = |one: &Adapter| {
            if *one == Adapter::Reference {
                return Ok(vec![None]);
            }
            let found = one.found(&adapters)?;
            let mut others: Vec<_> = (0..adapters.len()).filter(|other| *other != found).collect();
            others.sort_by_key(|other| adapter::rank(&adapters[*other].kind, &adapters[*other].capabilities));
            others.retain(|_| self.adapter == Adapter::Best && self.seen_as.is_none());
            let seen = |index: usize| {
                let mut adapter = adapters[index].clone();
                if let Some(other) = &self.seen_as {
                    let mut other = other.clone();
                    other.cooperative_matrix_size =
                        other.cooperative_matrix_size.filter(|_| self.tensor_cores != TensorCores::Never);
                    let seen = other.within(&adapter.capabilities);
                    adapter.capabilities = seen.map_err(|lacks| Error::Adapter {
                        adapter: adapter.to_string(),
                        message: format!("cannot be seen as the other adapter: it {lacks}"),
                    })?;
                }
                Ok(Some(self.effective_capabilities(adapter)))
            };
            [found].into_iter().chain(others).map(seen).collect()
        };
        self.adapter.each(&adapters).iter().map(choose).collect()
    }

    /// An adapter with what kernels see of it: what these options have in its place, what it was tuned for, and its tensor
    /// cores only if they are used ([`TensorCores::Auto`]).
    #[cfg_attr(not(feature = "internals"), doc(hidden))]
    pub fn effective_capabilities(&self, mut adapter: AdapterDescription) -> AdapterDescription {
        if let Some(capabilities) = &self.capabilities {
            adapter.capabilities = capabilities.clone();
        }
        if let Some(folder) = self.cache_dir.as_ref().filter(|_| self.seen_as.is_none()) {
            match Tuning::read(folder, &adapter) {
                Ok(tuning) => adapter.capabilities.tuning = Arc::new(tuning),
                // It only decides how fast the same answers come.
                Err(error) => log::warn!("{error}"),
            }
        }
        let capabilities = &mut adapter.capabilities;
        let storage = self.precision.storage(capabilities);
        let worth = storage != Storage::F32 || capabilities.cooperative_matrix_size == Some(16);
        let unless_tuned = worth && capabilities.tensor_cores() && self.self_check != SelfCheck::Never;
        let used = match self.tensor_cores {
            TensorCores::Auto => capabilities.tuning.tensor_cores(storage).unwrap_or(unless_tuned),
            TensorCores::Always => true,
            TensorCores::Never => false,
        };
        capabilities.cooperative_matrix_size = capabilities.cooperative_matrix_size.filter(|_| used);
        adapter
    }

    /// Tokens and texts of a batch: what was asked for or suits the adapter, and at least one text of the longest, within
    /// the adapter's limits.
    #[cfg_attr(not(feature = "internals"), doc(hidden))]
    pub fn capacity(&self, device: &Capabilities, recording: &Recording, longest: usize) -> BatchLimits {
        // Hidden states and attentions of a batch are read back at once, two batches in turn: no more of each than this,
        // but one text's.
        const READ_BACK: u64 = 1 << 29;
        // A GPU wants thousands of rows to be busy; on a CPU larger batches only move more memory.
        let (tokens, texts) = if device.cpu { (2048, 128) } else { (16384, 1024) };
        let tokens = self.batch_tokens.unwrap_or(tokens).min((READ_BACK / recording.read_back()) as usize);
        let bytes = device.max_binding.min(device.max_buffer);
        let limits = [
            bytes / recording.widest(Rows::Tokens),
            device.max_buffer / recording.read_back(),
            // Kernels may dispatch a workgroup a token in one dimension.
            device.max_workgroups.into(),
        ];
        let tokens = limits.into_iter().fold(tokens.max(longest) as u64, u64::min);
        let texts = self.batch_texts.unwrap_or(texts) as u64;
        let texts = texts.min(tokens).min(bytes / recording.widest(Rows::Texts)).max(1);
        BatchLimits { tokens: tokens as usize, texts: texts as usize }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpu;
    use crate::options::Precision;

    #[test]
    fn tensor_cores_are_used_where_they_are_checked_or_tuned() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let card = Capabilities {
            f16: true,
            subgroup: Some((32, 32)),
            cooperative_matrix_size: Some(16),
            ..Capabilities::minimum()
        };
        let chosen = |seen: &Capabilities, precision, tensor_cores, self_check| {
            let options = Options { precision, tensor_cores, self_check, ..Options::default() };
            let options = options.capabilities(seen.clone()).cache_dir(folder.path().to_path_buf());
            gpu::block_on(options.choose()).expect("an adapter").expect("not the reference")
        };
        let edge = |seen: &Capabilities, precision, tensor_cores, self_check| {
            chosen(seen, precision, tensor_cores, self_check).capabilities.cooperative_matrix_size
        };
        let of_8 = Capabilities { cooperative_matrix_size: Some(8), ..card.clone() };
        let software = Capabilities { cpu: true, ..card.clone() };
        let cases = [
            (&card, Precision::F16, SelfCheck::Auto, Some(16)),
            (&card, Precision::F32, SelfCheck::Always, Some(16)),
            (&card, Precision::F16, SelfCheck::Never, None),
            (&of_8, Precision::F16, SelfCheck::Auto, Some(8)),
            (&of_8, Precision::Auto, SelfCheck::Auto, Some(8)),
            (&of_8, Precision::F32, SelfCheck::Auto, None),
            (&software, Precision::F16, SelfCheck::Auto, None),
        ];
        for (seen, precision, check, expected) in cases {
            assert_eq!(edge(seen, precision, TensorCores::Auto, check), expected, "{precision:?} {check:?} {seen:?}");
        }
        let mut tuning = Tuning::default();
        tuning.set_tensor_cores(Storage::F16, false);
        tuning.set_tensor_cores(Storage::F32, true);
        tuning.write(folder.path(), &chosen(&card, Precision::F32, TensorCores::Auto, SelfCheck::Auto)).unwrap();
        for check in [SelfCheck::Auto, SelfCheck::Never] {
            for (precision, auto) in [(Precision::F32, Some(8)), (Precision::F16, None), (Precision::Auto, None)] {
                assert_eq!(edge(&of_8, precision, TensorCores::Auto, check), auto, "{precision:?} {check:?}");
                assert_eq!(edge(&of_8, precision, TensorCores::Always, check), Some(8));
                assert_eq!(edge(&of_8, precision, TensorCores::Never, check), None);
            }
        }
    }
}
