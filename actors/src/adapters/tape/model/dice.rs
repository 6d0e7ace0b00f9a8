//! Dice: the seeded numbers of a model, in whole-number arithmetic, so that every machine throws the same.

/// A generator of numbers (`SplitMix64`). The same seed and purpose give the same numbers.
#[derive(Clone, Debug)]
pub(super) struct Dice(u64);

impl Dice {
    /// Returns the dice of a seed for one purpose: what is thrown for one changes nothing for another.
    pub(super) fn new(seed: u64, purpose: &str) -> Self {
        let mut dice = Self(purpose.bytes().fold(seed, |state, byte| {
            (state ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(17)
        }));
        dice.next();
        dice
    }

    /// Returns the next number.
    pub(super) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Returns a number from `low` to `high`, both included; `low` where there is none between them.
    pub(super) fn between(&mut self, low: i64, high: i64) -> i64 {
        let sides = i128::from(high) - i128::from(low) + 1;
        let scaled = (i128::from(self.next()) * sides.max(1)) >> 64;
        i64::try_from(i128::from(low) + scaled).unwrap_or(low)
    }

    /// Returns a draw of a normal distribution of mean 0 and deviation 1, in millionths, as the sum of twelve
    /// evenly distributed numbers less six: none is beyond six deviations.
    pub(super) fn normal(&mut self) -> i64 {
        (0..12).map(|_| self.between(0, 1_000_000)).sum::<i64>() - 6_000_000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_and_purpose_throw_the_same_numbers_and_others_do_not() {
        let throw = |seed, purpose| {
            let mut dice = Dice::new(seed, purpose);
            [dice.next(), dice.next(), dice.next()]
        };
        assert_eq!(throw(1, "ticks"), throw(1, "ticks"));
        assert_ne!(throw(1, "ticks"), throw(2, "ticks"));
        assert_ne!(throw(1, "ticks"), throw(1, "books"));
    }

    #[test]
    fn every_side_comes_up_and_no_other() {
        let mut dice = Dice::new(7, "sides");
        let mut seen = [0; 6];
        for _ in 0..6_000 {
            let side = usize::try_from(dice.between(-2, 3) + 2).unwrap();
            seen[side] += 1;
        }
        assert!(seen.iter().all(|&times| (800..1_200).contains(&times)), "{seen:?}");
        assert_eq!((dice.between(5, 5), dice.between(5, 4)), (5, 5));
    }

    #[test]
    fn normal_draws_have_the_mean_and_the_deviation_that_they_claim() {
        let mut dice = Dice::new(3, "normal");
        let draws: Vec<i64> = (0..20_000).map(|_| dice.normal()).collect();
        let count = i64::try_from(draws.len()).unwrap();
        let mean = draws.iter().sum::<i64>() / count;
        let variance = draws.iter().map(|draw| draw * draw / 1_000_000).sum::<i64>() / count;
        assert!(mean.abs() < 20_000, "{mean}");
        assert!((970_000..1_030_000).contains(&variance), "{variance}");
    }
}
