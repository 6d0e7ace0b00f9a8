//! The cases of `momentum`, each listed once.

use crate::listed::cases;

cases! {
    "momentum":
    a_price_above_the_strike_is_worth_more_than_its_ask
    a_price_below_the_strike_speaks_for_down
    exactly_at_the_strike_down_is_bought_at_a_worth_of_exactly_the_least
    an_ask_at_either_limit_passes
    the_normal_distribution_is_right
    a_market_of_five_minutes_has_the_deviation_of_one_of_fifteen
    a_mean_of_the_last_minute_moves_for_forty_seconds_less
    the_fee_of_the_market_lowers_the_worth
    the_strike_is_the_first_price_from_the_opening_on
    without_a_price_at_the_opening_there_is_no_strike
    the_market_that_closes_first_with_one_to_five_minutes_left_is_chosen
    the_market_that_is_bought_is_the_one_of_the_signal
    a_market_that_has_not_opened_is_not_bought
    the_market_with_the_most_time_left_is_chosen_by_the_predictive_method
    a_minute_of_prices_is_needed
    the_first_gate_that_says_no_is_the_reason
    a_price_and_a_book_may_be_as_old_as_allowed
    a_cooldown_begins_with_a_fill
    the_entries_of_a_day_are_those_that_were_filled_and_end_at_midnight
    one_position_an_underlying_binds
    the_most_positions_bind
    an_order_on_its_way_keeps_its_underlying_from_another
    a_price_is_rounded_down_to_the_tick
    what_a_window_may_cost_passes_exactly
    the_default_sizes_pass_the_default_window
    the_best_signal_of_a_window_is_bought_when_the_first_is_two_seconds_old
    a_window_is_spent_by_a_fill_and_not_by_an_order
    an_entry_that_the_guard_refuses_uses_nothing_up
    a_move_of_three_tenths_of_a_percent_is_worth_63_cents
    the_fair_value_and_the_confidence_follow_their_tables
    a_move_or_an_edge_of_exactly_the_least_passes
    the_momentum_weighs_10_30_and_60_seconds
    a_price_that_is_missing_then_is_no_momentum
    a_restless_minute_needs_a_larger_move
    a_calm_minute_needs_half_the_move
    a_bid_a_fifth_above_the_entry_takes_the_profit
    a_bid_fifteen_percent_below_the_entry_stops_the_loss
    a_fall_of_a_tenth_from_the_high_sells
    a_high_that_never_passed_the_entry_does_not_trail
    less_than_half_a_minute_before_the_close_is_sold_by_the_clock
    the_profit_goes_before_the_trailing_stop
    the_loss_goes_before_the_trailing_stop
    the_trailing_stop_goes_before_the_close
    a_failed_exit_keeps_the_position_and_is_tried_again_later
    what_a_partial_exit_leaves_is_still_a_position
    a_rest_below_the_smallest_order_is_held_to_resolution
    a_position_is_what_was_filled_and_not_what_was_asked_for
    an_exit_passes_a_tripped_breaker
    by_the_other_methods_positions_are_held_to_resolution
    as_a_market_closes_the_next_is_bought
    other_events_are_no_reason_to_look
}
