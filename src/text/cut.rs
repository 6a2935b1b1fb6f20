//! What becomes of texts that are too long: transformers' rules, in numbers of tokens.
//!
//! They are those of `truncate_encodings` and of `Encoding::truncate` in the Rust tokenizers (0.22, utils/truncation.rs and
//! tokenizer/encoding.rs), and of `truncate_sequences` where the class is Python. They are followed here, and not by the
//! library, because the library also builds every cut-off part, and pairs each of the first text with each of the second.

use std::ops::Range;

use tokenizers::TruncationDirection;

/// What happens to a text with more tokens than the model takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Truncation {
    /// It is cut where the checkpoint's tokenizer says, which is its end unless `truncation_side` is `left`, and marked as
    /// cut ([`Encoding::truncated`](super::Encoding::truncated)). How a pair is cut, [`PairTruncation`] says.
    #[default]
    Cut,
    /// Its beginning is cut, whatever the checkpoint says: transformers' `truncation_side="left"`.
    CutLeft,
    /// It is an error that says how many tokens there are.
    Refuse,
    /// It becomes several encodings, none longer than the model takes, which have each of its tokens at least once:
    /// transformers' `return_overflowing_tokens=True`. They follow each other from where [`Truncation::Cut`] keeps.
    ///
    /// Of a pair one text is split so, and the other is whole in each: the first text with [`PairTruncation::OnlyFirst`],
    /// else the second. A text takes as much memory as its windows have tokens, which a stride that is nearly a window
    /// multiplies.
    Windows {
        /// Tokens that a window shares with the one before, fewer than it holds of the text: transformers' `stride`.
        stride: usize,
    },
}

/// Which text of a pair is cut where both together are too long; transformers' truncation strategies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PairTruncation {
    /// The longer one down to the shorter one, then both: `longest_first`, which `truncation=True` means.
    #[default]
    LongestFirst,
    /// The first: `only_first`. A second text that alone leaves no token for it is an error.
    OnlyFirst,
    /// The second: `only_second`. A first text that alone leaves no token for it is an error.
    OnlySecond,
}

/// How the answers to the windows of a text ([`Truncation::Windows`]) become one. Probabilities, the best label and the loss
/// are then made of the joined logits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Windows {
    /// Each logit is the mean over the windows.
    #[default]
    Mean,
    /// Each logit is the largest of the windows: what is said once counts.
    Max,
    /// The first window answers for the text, and no other is computed: as if the text had been cut.
    First,
}

/// What was chosen for texts that are too long.
#[derive(Clone, Copy)]
pub(super) struct Cut {
    pub(super) truncation: Truncation,
    pub(super) pairs: PairTruncation,
    /// The checkpoint's own side.
    pub(super) side: TruncationDirection,
    /// Whether the tokenizer's class is Python.
    pub(super) python: bool,
}

/// How many tokens a text has, or both of a pair.
#[derive(Clone, Copy)]
pub(super) struct Lengths {
    /// Of the first text and of the second.
    pub(super) texts: [usize; 2],
    /// Those that the tokenizer adds to a text, or to a pair.
    pub(super) special: usize,
    /// Of all together, what the model takes; no fewer than the special ones.
    pub(super) max_length: usize,
    pub(super) is_pair: bool,
}

impl Lengths {
    pub(super) fn total(&self) -> usize {
        self.texts[0] + self.texts[1] + self.special
    }
}

impl Cut {
    /// The tokens of the first and of the second text that each encoding has: all of them where they fit into one.
    ///
    /// # Errors
    /// Why the texts have no encodings.
    pub(super) fn parts(&self, lengths: &Lengths) -> Result<Vec<[Range<usize>; 2]>, String> {
        let Lengths { texts, special, max_length, .. } = *lengths;
        if lengths.total() <= max_length {
            return Ok(vec![[0..texts[0], 0..texts[1]]]);
        }
        let budget = max_length - special;
        let stride = match self.truncation {
            Truncation::Refuse => {
                return Err(format!("it has {} tokens, the model takes {max_length}", lengths.total()));
            }
            Truncation::Cut | Truncation::CutLeft => {
                let [first, second] = self.kept(lengths, budget)?;
                return Ok(vec![[self.end(texts[0], first), self.end(texts[1], second)]]);
            }
            Truncation::Windows { stride } => stride,
        };
        let split = usize::from(lengths.is_pair && self.pairs != PairTruncation::OnlyFirst);
        let room = beside(lengths, budget, split)?;
        let other = 0..texts[1 - split];
        let part = |window| if split == 0 { [window, other.clone()] } else { [other.clone(), window] };
        if stride >= room {
            return Err(too_little(room, stride));
        }
        Ok(windows(texts[split], room, stride, self.left()).map(part).collect())
    }

    /// How many tokens of both texts a text that is cut keeps.
    fn kept(&self, lengths: &Lengths, budget: usize) -> Result<[usize; 2], String> {
        let [first, second] = lengths.texts;
        match self.pairs {
            // As the library has it, whatever the strategy.
            _ if budget == 0 && !self.python => Ok([0, 0]),
            PairTruncation::OnlyFirst if lengths.is_pair => Ok([beside(lengths, budget, 0)?, second]),
            PairTruncation::OnlySecond if lengths.is_pair => Ok([first, beside(lengths, budget, 1)?]),
            _ if self.python => Ok(longest_first_in_python(lengths.texts, budget)),
            _ => Ok(longest_first(lengths.texts, budget)),
        }
    }

    fn left(&self) -> bool {
        self.truncation == Truncation::CutLeft || self.side == TruncationDirection::Left
    }

    fn end(&self, length: usize, kept: usize) -> Range<usize> {
        if self.left() { length - kept..length } else { 0..kept }
    }
}

/// What of the budget the one text of a pair leaves for the other, `cut`.
fn beside(Lengths { texts, max_length, is_pair, .. }: &Lengths, budget: usize, cut: usize) -> Result<usize, String> {
    let other = texts[1 - cut];
    let room = budget.saturating_sub(other);
    if room > 0 {
        return Ok(room);
    }
    if !is_pair {
        return Err(format!("a maximum length of {max_length} tokens has no room for any of its own"));
    }
    let [other_is, cut_is] = if cut == 1 { ["first", "second"] } else { ["second", "first"] };
    Err(format!(
        "its {other_is} text has {other} tokens, which leaves none of the {max_length} that the model takes for the \
         {cut_is}, which is the one to be cut"
    ))
}

/// Why there are no windows that hold `room` tokens of a text and share `stride` of them.
pub(super) fn too_little(room: usize, stride: usize) -> String {
    format!("a window holds {room} tokens of a text, and must share fewer than that with the one before, not {stride}")
}

/// The windows of a text that is longer than the room of one.
fn windows(length: usize, room: usize, stride: usize, left: bool) -> impl Iterator<Item = Range<usize>> {
    let step = room - stride;
    let count = (length - room).div_ceil(step) + 1;
    (0..count).map(move |window| {
        let before = window * step;
        if left {
            let end = length - before;
            end.saturating_sub(room)..end
        } else {
            before..length.min(before + room)
        }
    })
}

/// How many tokens of two texts to keep when together they exceed `budget`: the longer one is cut down to the shorter
/// one, then both; an odd token goes to the longer, to the second of equals.
fn longest_first([first, second]: [usize; 2], budget: usize) -> [usize; 2] {
    let shorter = first.min(second).min(budget / 2);
    let longer = budget - shorter;
    if first > second { [longer, shorter] } else { [shorter, longer] }
}

/// The same of the tokenizers in Python (`truncate_sequences`): of the odd token the second text loses it.
fn longest_first_in_python([first, second]: [usize; 2], budget: usize) -> [usize; 2] {
    let cut = first + second - budget;
    let longer = first.abs_diff(second).min(cut);
    let both = cut - longer;
    let (from_first, from_second) =
        if first > second { (longer + both / 2, both - both / 2) } else { (both / 2, longer + both - both / 2) };
    [first.saturating_sub(from_first), second.saturating_sub(from_second)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The lengths that `truncate_sequences` of 4.57.6 leaves.
    #[test]
    fn python_cuts_the_second_text_first() {
        for (lengths, budget, kept) in [
            ([5, 5], 9, [5, 4]),
            ([8, 3], 8, [5, 3]),
            ([8, 3], 5, [3, 2]),
            ([3, 8], 5, [3, 2]),
            ([4, 5], 7, [4, 3]),
            ([9, 0], 4, [4, 0]),
        ] {
            assert_eq!(longest_first_in_python(lengths, budget), kept, "{lengths:?} {budget}");
        }
    }

    proptest! {
        /// Against the definition: drop tokens one by one, always from the longer text.
        #[test]
        fn the_longer_text_is_cut_first(first in 0usize..60, second in 0usize..60, cut in 1usize..60) {
            let total = first + second;
            prop_assume!(cut <= total);
            let kept = longest_first([first, second], total - cut);
            let mut expected = [first, second];
            for _ in 0..cut {
                let longer = usize::from(expected[1] > expected[0]);
                expected[longer] -= 1;
            }
            prop_assert_eq!(kept[0] + kept[1], total - cut);
            // The two agree but for who gets the odd token.
            prop_assert!(kept[0].abs_diff(expected[0]) <= 1, "{:?} {:?}", kept, expected);
            prop_assert!(kept[0] <= first && kept[1] <= second);
        }

        /// No token is lost, none is in a window that need not be, and the two sides mirror each other.
        #[test]
        fn windows_cover_a_text(length in 2usize..200, room in 1usize..40, stride in 0usize..40) {
            prop_assume!(room < length && stride < room);
            let right: Vec<_> = windows(length, room, stride, false).collect();
            prop_assert_eq!((right[0].start, right.last().map(|last| last.end)), (0, Some(length)));
            for pair in right.windows(2) {
                prop_assert_eq!((pair[0].len(), pair[0].end - pair[1].start), (room, stride));
                prop_assert!(pair[0].end < length, "a window after the end");
            }
            let left: Vec<_> = windows(length, room, stride, true).collect();
            let mirrored: Vec<_> = right.iter().map(|window| length - window.end..length - window.start).collect();
            prop_assert_eq!(left, mirrored);
        }
    }
}
