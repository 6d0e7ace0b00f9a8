//! The model: how probable it is that a team wins, from the score, the clock and the ball, and how sure that is.
//!
//! The logit is a sum of exact products; only its logistic function is computed in floating point, with an
//! exponential that is written in plain arithmetic, so that every machine gets the same millionth.

use crate::numbers::Frac;
use crate::price::{MICROS, Rounding, divide, narrow};

use super::config::Coefficients;

/// What a team's probability depends on, from its own side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Inputs {
    /// Its points less those of the other team.
    pub(super) lead: i64,
    /// Seconds left in the game.
    pub(super) left_s: i64,
    /// The quarter, from 1; 5 and above are overtimes.
    pub(super) quarter: u8,
    /// Who has the ball.
    pub(super) ball: Ball,
    /// By how many points it was expected to win, in millionths. No feed tells it yet: 0.
    pub(super) spread: i64,
    /// How much better its rating is, in millionths of a rating point. No feed tells it yet: 0.
    pub(super) elo: i64,
}

/// Who has the ball.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ball {
    /// The team itself.
    Ours,
    /// The other team.
    Theirs,
    /// Not known: it counts as half of each.
    Unknown,
}

/// What the model says of a team.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Estimate {
    /// The logarithm of the odds, to the nearest millionth.
    pub(super) logit: Frac,
    /// The probability that it wins, to the nearest millionth; 0 to 1.
    pub(super) chance: Frac,
    /// How far it may be off; 0 to 0.5.
    pub(super) uncertainty: Frac,
}

/// Past this magnitude of the logit, in millionths, the probability is 0 or 1 to the millionth.
const LOGIT_MAX: i64 = 40 * MICROS;

impl Estimate {
    /// Returns what the coefficients make of the inputs.
    pub(super) fn new(coefficients: &Coefficients, inputs: &Inputs) -> Self {
        let logit = logit(coefficients, inputs);
        let [logit, chance, uncertainty] =
            [logit, logistic(logit), uncertainty(inputs)].map(Frac::from_micros);
        Self { logit, chance, uncertainty }
    }

    /// Returns how sure it is; 0.5 to 1.
    pub(super) const fn confidence(&self) -> Frac {
        Frac::from_micros(MICROS - self.uncertainty.micros())
    }
}

/// Returns the logit in millionths. `lead_minute` is positive in the untrained coefficients, so that a lead
/// counts more the more time is left, which is doubtful: it is kept as it was, since another sign is another
/// model. Nor are the chances of both teams one together: a term without the lead counts for each of them.
fn logit(coefficients: &Coefficients, inputs: &Inputs) -> i64 {
    let Coefficients { lead, minute, ball, spread, elo, .. } = coefficients;
    let product = |weight: &i64, factor: i64| i128::from(*weight) * i128::from(factor);
    let quarter = match inputs.quarter {
        2 => coefficients.second_quarter,
        3 => coefficients.third_quarter,
        4 => coefficients.fourth_quarter,
        _ => 0,
    };
    let late_lead = if inputs.quarter == 4 { coefficients.fourth_quarter_lead } else { 0 };
    let halves = match inputs.ball {
        Ball::Ours => 2,
        Ball::Theirs => 0,
        Ball::Unknown => 1,
    };
    // Everything in sixtieths of a millionth of a millionth, so that minutes and halves stay whole.
    let whole = product(lead, inputs.lead) + product(&late_lead, inputs.lead) + i128::from(quarter);
    let per_second = product(minute, 1) + product(&coefficients.lead_minute, inputs.lead);
    let sixtieths =
        whole * 60 + per_second * i128::from(inputs.left_s) + product(ball, halves) * 30;
    let given = (product(spread, inputs.spread) + product(elo, inputs.elo)) * 60;
    let micros = i128::from(MICROS);
    narrow(divide(sixtieths * micros + given, 60 * micros, Rounding::HalfUp))
}

/// Returns 1 ÷ (1 + e^−logit), both in millionths, to the nearest one.
#[expect(
    clippy::float_arithmetic,
    clippy::as_conversions,
    reason = "the logistic function is no money; its result is between 0 and a million, which fits"
)]
fn logistic(logit: i64) -> i64 {
    let logit = i32::try_from(logit.clamp(-LOGIT_MAX, LOGIT_MAX)).unwrap_or_default();
    let odds_against = libm::exp(-f64::from(logit) / 1e6);
    (1e6 / (1.0 + odds_against)).round() as i64
}

/// Returns how far the probability may be off, in millionths: more with much time left, a lopsided score, or a
/// lopsided expectation; at most a half.
fn uncertainty(inputs: &Inputs) -> i64 {
    const CAP: i64 = 500_000;
    let time = match inputs.left_s {
        2_401.. => 300_000,
        1_441.. => 200_000,
        721.. => 100_000,
        _ => 50_000,
    };
    let score = match inputs.lead.abs() {
        26.. => 250_000,
        21.. => 150_000,
        16.. => 50_000,
        _ => 0,
    };
    let lopsided = 15 * MICROS < inputs.spread.abs();
    (time + score + if lopsided { 100_000 } else { 0 }).min(CAP)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::price::{decimal, parse_micros};

    /// Lead, minutes left, quarter, ball (1, 0, .5), spread, elo.
    type Row = (i64, i64, u8, &'static str, i64, i64);

    fn inputs((lead, minutes, quarter, ball, spread, elo): Row) -> Inputs {
        let ball = match ball {
            "1" => Ball::Ours,
            "0" => Ball::Theirs,
            _ => Ball::Unknown,
        };
        let (spread, elo) = (spread * MICROS, elo * MICROS);
        Inputs { lead, left_s: minutes * 60, quarter, ball, spread, elo }
    }

    fn estimate(row: Row) -> Estimate {
        Estimate::new(&Coefficients::UNTRAINED, &inputs(row))
    }

    /// Checks logit, probability to four decimals, and uncertainty.
    fn check(row: Row, logit: &str, chance: &str, uncertainty: &str) {
        let said = estimate(row);
        let to_four = (said.chance.micros() + 50) / 100 * 100;
        let found = [said.logit.micros(), to_four, said.uncertainty.micros()].map(decimal);
        assert_eq!(found, [logit, chance, uncertainty], "{row:?}");
        assert_eq!(said.confidence().micros() + said.uncertainty.micros(), MICROS);
    }

    #[test]
    fn the_probability_is_that_of_the_worked_table() {
        check((10, 5, 4, "1", 0, 0), "2", "0.8808", "0.05");
        check((0, 30, 2, "0", 0, 0), "-0.6", "0.3543", "0.2");
        check((-10, 8, 3, "1", 5, 50), "-1.81", "0.1406", "0.05");
        check((-12, 8, 3, "1", 5, 50), "-2.19", "0.1007", "0.05");
        check((-5, 10, 3, "1", 0, 0), "-1.15", "0.2405", "0.05");
        check((-3, 8, 3, "1", 0, 0), "-0.68", "0.3363", "0.05");
        check((-8, 17, 3, ".5", 0, 0), "-2.195", "0.1002", "0.1");
        check((0, 5, 4, "0", 0, 0), "0", "0.5", "0.05");
    }

    #[test]
    fn a_lead_counts_more_the_more_time_is_left_which_is_doubtful_and_kept() {
        // The difference that ten points make, beside the time term, grows with the time.
        let gain = |minutes| {
            let logit = |lead| estimate((lead, minutes, 3, "0", 0, 0)).logit.micros();
            logit(10) - logit(0)
        };
        assert_eq!([gain(1), gain(10), gain(20)].map(decimal), ["1.55", "2", "2.5"]);
        assert!(estimate((10, 20, 3, "0", 0, 0)).chance > estimate((10, 10, 3, "0", 0, 0)).chance);
    }

    #[test]
    fn the_chances_of_both_teams_need_not_be_one_together() {
        let each = estimate((0, 30, 2, ".5", 0, 0)).chance;
        assert_eq!(decimal(2 * each.micros()), "0.720168");
    }

    #[test]
    fn an_overtime_counts_as_the_first_quarter() {
        for quarter in [5, 6, 9, 0] {
            let row = |quarter| (4, 3, quarter, ".5", 0, 0);
            assert_eq!(estimate(row(quarter)), estimate(row(1)));
        }
        assert_ne!(estimate((4, 3, 4, ".5", 0, 0)), estimate((4, 3, 1, ".5", 0, 0)));
    }

    #[test]
    fn the_second_and_third_quarter_have_weights_of_their_own() {
        let coefficients = Coefficients {
            second_quarter: 10_000,
            third_quarter: -20_000,
            ..Coefficients::UNTRAINED
        };
        let logit = |quarter| logit(&coefficients, &inputs((0, 0, quarter, "0", 0, 0)));
        assert_eq!([1, 2, 3, 4].map(logit), [0, 10_000, -20_000, 100_000]);
    }

    #[test]
    fn uncertainty_adds_time_score_and_spread_up_to_a_half() {
        let check = |left_s, lead, spread, expected: &str| {
            let inputs =
                Inputs { lead, left_s, spread: spread * MICROS, ..inputs((0, 0, 1, "0", 0, 0)) };
            assert_eq!(decimal(uncertainty(&inputs)), expected, "{left_s} {lead} {spread}");
        };
        check(2_401, 0, 0, "0.3");
        check(2_400, 0, 0, "0.2");
        check(1_441, 0, 0, "0.2");
        check(1_440, 0, 0, "0.1");
        check(721, 0, 0, "0.1");
        check(720, 0, 0, "0.05");
        check(0, 15, 0, "0.05");
        check(0, -16, 0, "0.1");
        check(0, 20, 0, "0.1");
        check(0, 21, 0, "0.2");
        check(0, -25, 0, "0.2");
        check(0, 26, 0, "0.3");
        check(0, 0, 15, "0.05");
        check(0, 0, -16, "0.15");
        check(2_880, -40, 16, "0.5");
    }

    #[test]
    fn the_probability_is_exact_to_the_millionth_and_symmetric() {
        for (logit, chance) in [
            ("0", "0.5"),
            ("1", "0.731059"),
            ("2", "0.880797"),
            ("-4.5", "0.010987"),
            ("13.9", "0.999999"),
            ("1000", "1"),
        ] {
            let logit = parse_micros(logit).unwrap();
            assert_eq!(decimal(logistic(logit)), chance);
            assert_eq!(logistic(-logit), MICROS - logistic(logit));
        }
    }

    #[test]
    fn no_input_breaks_the_arithmetic() {
        let most = 10 * MICROS;
        let coefficients = Coefficients {
            lead: most,
            minute: -most,
            ball: most,
            spread: most,
            elo: -most,
            second_quarter: most,
            third_quarter: most,
            fourth_quarter: most,
            lead_minute: most,
            fourth_quarter_lead: most,
        };
        let row = (-65_535, 65_535, 4, "1", -1_000, 10_000);
        let said = Estimate::new(&coefficients, &inputs(row));
        assert!((0..=MICROS).contains(&said.chance.micros()));
    }
}
