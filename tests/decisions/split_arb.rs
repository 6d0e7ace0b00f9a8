//! The cases of `split_arb`, each listed once.

use crate::listed::cases;

cases! {
    "split_arb":
    a_cheap_leg_is_hedged_when_the_price_has_moved
    a_leg_whose_hedge_is_out_of_reach_is_not_bought
    the_least_profit_binds_a_hedge
    a_pair_is_bought_below_the_target
    a_hedge_at_once_waits_for_its_price
    profit_counts_fees
    the_cheaper_side_goes_first
    only_fills_make_legs
    an_order_that_fills_nothing_makes_no_leg
    no_order_is_repeated_while_one_is_pending
    a_leg_is_ours_until_it_is_sold
    the_unhedged_stop_works
    a_second_fill_is_no_hedge
    a_full_pair_is_held_to_resolution
    a_price_is_rounded_to_the_tick
    a_stale_book_is_not_decided_on
    a_crossed_book_is_not_decided_on
    a_book_that_proved_wrong_is_not_asked_twice
    a_leg_is_bought_from_the_opening_until_near_the_close
    dust_blocks_its_own_market_and_no_other
    so_many_legs_are_open_at_once
    a_leg_is_sold_when_its_wait_is_over
    a_leg_is_sold_before_the_close
    a_hedge_goes_before_an_exit
    too_much_in_one_market_is_refused
    too_much_in_all_markets_is_refused
    too_many_open_orders_are_refused
    too_many_orders_in_a_short_time_are_refused
    a_losing_streak_stops_entries_for_a_while
    a_deep_drawdown_stops_entries_until_a_person_releases_it
    a_buy_below_the_venues_minimum_is_refused
    a_settled_market_pays
    two_strategies_take_the_same_books
    other_events_are_no_reason_to_look
}
