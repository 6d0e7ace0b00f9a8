//! The cases of `nba_swing`, each listed once.

use crate::listed::cases;

cases! {
    "nba_swing":
    the_probability_and_its_sureness_are_those_of_the_worked_table
    a_lead_counts_more_the_more_time_is_left_which_is_doubtful_and_kept
    an_overtime_counts_as_the_first_quarter
    a_share_that_is_cheaper_than_the_chance_to_win_is_bought_at_the_ask
    the_price_limits_of_an_entry_pass_exactly
    an_edge_of_exactly_the_least_passes
    the_model_must_be_sure_enough_and_exactly_so_passes
    what_is_expected_after_costs_must_be_enough
    the_fee_of_the_market_counts_where_it_is_dearer
    the_first_gate_that_says_no_is_the_reason
    near_the_end_of_its_hours_a_market_is_not_entered
    just_before_its_close_a_market_is_still_entered
    a_game_and_a_book_may_be_as_old_as_allowed
    of_two_teams_the_one_with_the_larger_edge_is_bought
    an_entry_that_found_too_little_waits_for_a_newer_book
    an_entry_filled_in_part_is_a_position_of_that_part
    all_filters_that_fail_are_told
    a_row_of_trades_the_same_way_stops_an_entry
    a_price_that_moves_too_fast_stops_an_entry
    a_book_that_its_market_has_left_behind_stops_an_entry
    the_spread_and_the_depth_pass_exactly_at_their_limits
    the_default_spread_filter_refuses_what_one_cent_is_too_wide_for
    all_is_sold_when_the_edge_is_gone
    all_is_sold_two_steps_below_the_bid_when_the_book_is_too_thin
    a_fall_of_more_than_a_tenth_from_the_peak_sells
    the_peak_begins_at_the_entry
    a_gain_is_taken_by_half_once_when_the_edge_is_nearly_gone
    the_time_stop_sells_what_has_gained_too_little
    the_time_stop_leaves_what_has_gained_a_tenth
    no_edge_goes_before_a_thin_book
    a_thin_book_goes_before_the_trailing_stop
    the_trailing_stop_goes_before_the_time_stop
    a_gain_by_half_goes_before_the_time_stop
    an_exit_of_low_urgency_asks_the_ask
    an_exit_of_medium_urgency_asks_the_bid
    an_exit_of_high_urgency_asks_two_steps_below_the_bid
    an_exit_of_critical_urgency_asks_any_price
    an_exit_that_left_shares_is_tried_again_each_time_later
    with_a_stale_game_the_stops_of_the_book_go_on
    what_is_held_at_the_end_of_the_game_is_held_to_resolution
    nothing_is_sold_on_a_book_that_is_old_crossed_or_without_a_bid
    what_is_below_the_smallest_order_is_held_to_resolution
    after_a_round_a_market_rests_and_is_entered_again
    a_feed_that_is_down_halts_entries_until_the_last_one_is_back
    a_halt_with_a_position_resumes_into_managing_it
    exits_pass_a_halt
    an_exit_passes_a_tripped_breaker
    a_game_is_matched_by_league_teams_and_date
    markets_of_other_questions_are_not_entered
    other_events_are_no_reason_to_look
}
