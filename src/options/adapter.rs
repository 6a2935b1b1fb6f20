//! Which adapter is meant.

use crate::error::{Error, Result};
use crate::gpu::{self, AdapterDescription, Backend};
use crate::ir::Capabilities;
use std::convert::Infallible;
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};

/// Which adapter to run on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Adapter {
    /// The fastest there is: discrete before integrated before virtual before software, and of one kind the first with tensor
    /// cores, or else with 16-bit floats.
    #[default]
    Best,
    /// The one of this name or PCI bus id, whatever the case, else the first whose name contains it. A warning says so where
    /// several devices fit.
    Named(String),
    /// By the position in what `wgbert adapters` lists.
    Index(usize),
    /// Each of these; they take batches from one queue.
    Several(Vec<Adapter>),
    /// Every adapter that is no software, or every software one where there is no other.
    All,
    /// No adapter: the kernels' CPU twins, slow, in need of no driver. Never chosen unless asked for.
    Reference,
}

impl FromStr for Adapter {
    type Err = Infallible;

    /// `reference`, `all`, an index, or a part of a name; with commas, each of several; nothing is the best.
    fn from_str(text: &str) -> Result<Adapter, Infallible> {
        if text.contains(',') {
            return text.split(',').map(|part| part.trim().parse()).collect::<Result<_, _>>().map(Adapter::Several);
        }
        Ok(match text.parse() {
            Ok(index) => Adapter::Index(index),
            Err(_) if text.trim().is_empty() => Adapter::Best,
            Err(_) if text.eq_ignore_ascii_case("reference") => Adapter::Reference,
            Err(_) if text.eq_ignore_ascii_case("all") => Adapter::All,
            Err(_) => Adapter::Named(text.into()),
        })
    }
}

impl Adapter {
    /// All adapters of `backend`, or of every backend; at least one.
    ///
    /// # Errors
    /// [`Error::NoAdapter`].
    #[cfg_attr(not(feature = "internals"), doc(hidden))]
    pub async fn list(backend: Option<Backend>) -> Result<Vec<AdapterDescription>> {
        let adapters = gpu::adapters(backend).await;
        if adapters.is_empty() {
            #[cfg(not(target_arch = "wasm32"))]
            let looked = backend.map_or("Vulkan, Metal and DX12".into(), |backend| format!("{backend:?}"));
            #[cfg(target_arch = "wasm32")]
            let looked = gpu::browser::absence().into();
            return Err(Error::NoAdapter { looked });
        }
        Ok(adapters)
    }

    /// Which of these adapters is meant; [`Adapter::Reference`] is none, and of several the first.
    #[cfg_attr(not(feature = "internals"), doc(hidden))]
    pub fn position(&self, adapters: &[AdapterDescription]) -> Option<usize> {
        match self {
            Adapter::Index(index) => (*index < adapters.len()).then_some(*index),
            Adapter::Named(name) => fitting(name, adapters).first().copied(),
            Adapter::Best => {
                let rank = |index: &usize| rank(&adapters[*index].kind, &adapters[*index].capabilities);
                (0..adapters.len()).min_by_key(rank)
            }
            Adapter::Several(several) => several.first().and_then(|first| first.position(adapters)),
            Adapter::All => Adapter::Best.position(adapters),
            Adapter::Reference => None,
        }
    }

    /// [`Adapter::position`], for an adapter that is going to be used.
    ///
    /// # Errors
    /// [`Error::NoSuchAdapter`] with those there are.
    pub(super) fn found(&self, adapters: &[AdapterDescription]) -> Result<usize> {
        let places = |indices: &mut dyn Iterator<Item = usize>| {
            indices.map(|index| adapters[index].place(index)).collect::<Vec<_>>().join("; ")
        };
        let Some(found) = self.position(adapters) else {
            return Err(Error::NoSuchAdapter { wanted: self.words(), available: places(&mut (0..adapters.len())) });
        };
        if let Adapter::Named(name) = self {
            let fitting = fitting(name, adapters);
            if fitting.iter().any(|other| !same_device(&adapters[*other], &adapters[found])) {
                warn_once(format!(
                    "{} adapters fit {name:?} ({}), and {found} is taken: name one by its index{}",
                    fitting.len(),
                    places(&mut fitting.into_iter()),
                    if adapters[found].bus.is_empty() { "" } else { " or its bus id" }
                ));
            }
        }
        Ok(found)
    }

    /// The choices of single adapters that this one is made of.
    pub(super) fn each(&self, adapters: &[AdapterDescription]) -> Vec<Adapter> {
        match self {
            Adapter::Several(several) => several.iter().flat_map(|one| one.each(adapters)).collect(),
            Adapter::All => {
                let software = |adapter: &AdapterDescription| adapter.kind == "Cpu";
                let only_software = adapters.iter().all(software);
                let wanted = |index: &usize| only_software || !software(&adapters[*index]);
                (0..adapters.len()).filter(wanted).map(Adapter::Index).collect()
            }
            one => vec![one.clone()],
        }
    }

    fn words(&self) -> String {
        match self {
            Adapter::Index(index) => index.to_string(),
            Adapter::Named(name) => name.clone(),
            Adapter::Several(several) => several.iter().map(Adapter::words).collect::<Vec<_>>().join(","),
            Adapter::All => "all".into(),
            Adapter::Best | Adapter::Reference => String::new(),
        }
    }
}

/// The adapters that a name may mean: those of exactly this name or bus id, else those whose names contain it.
fn fitting(wanted: &str, adapters: &[AdapterDescription]) -> Vec<usize> {
    let wanted = wanted.trim().to_lowercase();
    let those = |fits: &dyn Fn(&AdapterDescription) -> bool| -> Vec<usize> {
        (0..adapters.len()).filter(|index| fits(&adapters[*index])).collect()
    };
    // Tools say the domain 0000 in four digits, in eight, or not at all.
    let by_bus = |adapter: &AdapterDescription| {
        let own = adapter.bus.to_lowercase();
        own == wanted
            || own
                .strip_prefix("0000:")
                .is_some_and(|short| short == wanted || Some(short) == wanted.strip_prefix("00000000:"))
    };
    let exact = those(&|adapter| adapter.name.to_lowercase() == wanted || by_bus(adapter));
    if exact.is_empty() { those(&|adapter| adapter.name.to_lowercase().contains(&wanted)) } else { exact }
}

/// Whether two of the list are one device, which has an entry for each backend and each driver.
fn same_device(one: &AdapterDescription, other: &AdapterDescription) -> bool {
    let alike = if one.bus.is_empty() || other.bus.is_empty() { one.name == other.name } else { one.bus == other.bus };
    let twins = one.backend == other.backend && one.driver == other.driver;
    // The one that was taken is among those that fit it.
    std::ptr::eq(one, other) || (alike && !twins)
}

/// Once in a process: a benchmark chooses its adapter for each row.
fn warn_once(message: String) {
    static SAID: Mutex<Vec<String>> = Mutex::new(Vec::new());
    let mut said = SAID.lock().unwrap_or_else(PoisonError::into_inner);
    if !said.contains(&message) {
        log::warn!("{message}");
        said.push(message);
    }
}

/// The faster, the lower: by kind, and on one kind with tensor cores first, then with f16. Windows lists a card once for Vulkan
/// and once for DX12, which has no tensor cores, and f16 only beside a `dxcompiler.dll`.
pub(super) fn rank(kind: &str, capabilities: &Capabilities) -> (usize, bool, bool) {
    let kinds = ["DiscreteGpu", "IntegratedGpu", "VirtualGpu", "Cpu"];
    let place = kinds.iter().position(|other| *other == kind).unwrap_or(usize::MAX);
    (place, capabilities.cooperative_matrix_size.is_none(), !capabilities.f16)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Descriptions of name, bus id and backend.
    fn adapters(wanted: &[(&str, &str, &str)]) -> Vec<AdapterDescription> {
        let one = gpu::block_on(Adapter::list(None)).expect("an adapter").swap_remove(0);
        let describe = |(name, bus, backend): &(&str, &str, &str)| {
            let mut adapter = one.clone();
            (adapter.name, adapter.bus, adapter.backend) = (name.to_string(), bus.to_string(), backend.to_string());
            adapter
        };
        wanted.iter().map(describe).collect()
    }

    #[test]
    fn an_exact_name_or_bus_id_wins_over_a_part_of_a_name() {
        let adapters = adapters(&[
            ("NVIDIA L40S", "0000:01:00.0", "vulkan"),
            ("NVIDIA L4", "0000:41:00.0", "vulkan"),
            ("NVIDIA L4", "0001:41:00.0", "vulkan"),
        ]);
        for (wanted, expected) in [
            ("nvidia l4", &[1, 2][..]),
            ("L4", &[0, 1, 2]),
            ("NVIDIA L40S", &[0]),
            ("0001:41:00.0", &[2]),
            ("0000:41:00.0", &[1]),
            ("00000000:01:00.0", &[0]),
            ("41:00.0", &[1]),
            ("42:00.0", &[]),
        ] {
            assert_eq!(fitting(wanted, &adapters), expected, "{wanted}");
        }
        let missing = Adapter::Named("42:00.0".into()).found(&adapters).unwrap_err().to_string();
        assert!(missing.contains("2: NVIDIA L4 (") && missing.contains("bus 0001:41:00.0"), "{missing}");
    }

    #[test]
    fn a_card_of_two_backends_is_one_device() {
        let card = adapters(&[("A", "0000:01:00.0", "vulkan"), ("A", "0000:01:00.0", "dx12"), ("A", "", "dx12")]);
        assert!(same_device(&card[0], &card[1]) && same_device(&card[0], &card[2]) && same_device(&card[0], &card[0]));
        // DX12 says of two equal cards that they are at the same place.
        let cards = adapters(&[
            ("A", "0000:01:00.0", "dx12"),
            ("A", "0000:01:00.0", "dx12"),
            ("A", "0000:02:00.0", "vulkan"),
            ("B", "", "vulkan"),
        ]);
        for other in &cards[1..] {
            assert!(!same_device(&cards[0], other), "{other:?}");
        }
    }

    /// Windows lists a card for Vulkan and for DX12, in any order, and only the one may have tensor cores or f16.
    #[test]
    fn of_one_kind_the_adapter_with_tensor_cores_or_else_f16_is_best() {
        let plain = Capabilities::minimum();
        let f16 = Capabilities { f16: true, ..plain.clone() };
        let cores = Capabilities { cooperative_matrix_size: Some(16), ..f16.clone() };
        let software = Capabilities { cooperative_matrix_size: Some(8), ..f16.clone() };
        let best = |adapters: &[(&str, &Capabilities)]| {
            (0..adapters.len()).min_by_key(|&index| rank(adapters[index].0, adapters[index].1)).unwrap()
        };
        assert_eq!(best(&[("DiscreteGpu", &f16), ("DiscreteGpu", &cores)]), 1);
        assert_eq!(best(&[("DiscreteGpu", &plain), ("DiscreteGpu", &f16)]), 1);
        assert_eq!(best(&[("DiscreteGpu", &f16), ("DiscreteGpu", &f16)]), 0);
        assert_eq!(best(&[("Cpu", &software), ("IntegratedGpu", &cores), ("DiscreteGpu", &plain)]), 2);
    }
}
