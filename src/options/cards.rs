//! Which adapter a process takes that was given a card by whoever started it: Ray, Daft and others say so by `CUDA_VISIBLE_DEVICES`,
//! which Vulkan does not know.

use super::Adapter;
use crate::gpu::{self, AdapterDescription};
use std::env;

/// What names an adapter for every process.
const ADAPTER: &str = "WGBERT_ADAPTER";
/// The cards that CUDA may use, by their numbers or UUIDs.
const CARDS: &str = "CUDA_VISIBLE_DEVICES";

impl Adapter {
    /// What the environment says: the adapter that `WGBERT_ADAPTER` names, else the cards of NVIDIA's that `CUDA_VISIBLE_DEVICES`
    /// names, else the best.
    ///
    /// # Errors
    /// A message where a card is meant that cannot be found.
    #[cfg_attr(not(feature = "internals"), doc(hidden))]
    pub fn of_environment() -> Result<Adapter, String> {
        if let Some(named) = env::var(ADAPTER).ok().filter(|named| !named.trim().is_empty()) {
            return Ok(named.parse().unwrap_or_default());
        }
        if visible().is_none() {
            return Ok(Adapter::Best);
        }
        let mut cards: Vec<Adapter> = cards()?.into_iter().map(Adapter::Named).collect();
        Ok(match cards.len() {
            0 => Adapter::Best,
            1 => cards.swap_remove(0),
            _ => Adapter::Several(cards),
        })
    }

    /// The card that a program for CUDA calls `cuda:NUMBER`; where there is no card of NVIDIA's, 0 is the best adapter.
    ///
    /// # Errors
    /// A message where there is none of that number.
    #[cfg_attr(not(feature = "internals"), doc(hidden))]
    pub fn of_card(number: usize) -> Result<Adapter, String> {
        let cards = cards()?;
        match cards.get(number) {
            Some(card) => Ok(Adapter::Named(card.clone())),
            None if cards.is_empty() && number == 0 => Ok(Adapter::Best),
            None => Err(format!(
                "there is no cuda:{number} among the cards of NVIDIA's ({}): name an adapter as `wgbert adapters` lists it",
                if cards.is_empty() { "none".into() } else { cards.join(", ") }
            )),
        }
    }
}

fn visible() -> Option<String> {
    env::var(CARDS).ok().filter(|cards| !cards.trim().is_empty())
}

/// Where the cards are that this process may use, in their order. That there is no adapter at all is said when one is opened.
fn cards() -> Result<Vec<String>, String> {
    let adapters = gpu::block_on(Adapter::list(None)).unwrap_or_default();
    match visible() {
        Some(visible) => chosen(&visible, buses(&adapters)),
        None => Ok(buses(&adapters)),
    }
}

/// Where the cards are that CUDA has, in the order in which it counts them where they are of one kind: that of their buses.
fn buses(adapters: &[AdapterDescription]) -> Vec<String> {
    let card = |adapter: &&AdapterDescription| adapter.name.contains("NVIDIA") && !adapter.bus.is_empty();
    let mut buses: Vec<String> = adapters.iter().filter(card).map(|adapter| adapter.bus.clone()).collect();
    buses.sort();
    buses.dedup();
    buses
}

/// Those of the buses that `visible` names, by numbers, in its order.
fn chosen(visible: &str, buses: Vec<String>) -> Result<Vec<String>, String> {
    // A list of cards is none where there are no cards, and one card needs no name.
    let is_named = |card: &str| card.trim().parse::<usize>().is_err();
    if buses.is_empty() || (buses.len() == 1 && visible.split(',').all(is_named)) {
        return Ok(buses);
    }
    let card = |card: &str| {
        let number = card.trim().parse::<usize>().map_err(|_| {
            format!("{CARDS} is {visible:?}, and cards are known by numbers here: name an adapter, or in {ADAPTER}, by a bus id")
        })?;
        buses.get(number).cloned().ok_or_else(|| format!("{CARDS} is {visible:?}, which there are too few cards for"))
    };
    let chosen: Result<Vec<String>, String> = visible.split(',').map(card).collect();
    chosen.map_err(|message| format!("{message} (one of {})", buses.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cards_are_counted_by_their_buses() {
        let buses = || ["0000:01:00.0", "0000:41:00.0", "0000:81:00.0"].map(String::from).to_vec();
        assert_eq!(chosen("1", buses()), Ok(vec!["0000:41:00.0".into()]));
        assert_eq!(chosen("2, 0", buses()), Ok(vec!["0000:81:00.0".into(), "0000:01:00.0".into()]));
        let absent = chosen("0,3", buses()).unwrap_err();
        assert!(absent.contains("too few cards") && absent.contains("0000:81:00.0"), "{absent}");
        let by_name = "GPU-8932f937-d72c-4106-c12f-20bd9faed9f6";
        let refused = chosen(by_name, buses()).unwrap_err();
        assert!(refused.contains("WGBERT_ADAPTER") && refused.contains(by_name), "{refused}");
        // Of one card there is no doubt, and without a card the list is somebody else's.
        assert_eq!(chosen(by_name, buses()[..1].to_vec()), Ok(buses()[..1].to_vec()));
        assert!(chosen("1", buses()[..1].to_vec()).is_err());
        assert_eq!(chosen("3", Vec::new()), Ok(Vec::new()));
    }
}
