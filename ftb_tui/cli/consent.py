"""Questions that cost money are asked when a person has seen the price and agreed to it."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from ftb_tui.cli.common import confirm, put_json, put_sentences
from ftb_tui.cli.exits import say

if TYPE_CHECKING:
    from ftb_tui.work.asking_quote import AskingQuote


def put_quote(quote: AskingQuote, *, as_json: bool) -> None:
    """The quote on stdout, as all that a dry run does. Raises `LaunchRefusedError` after it where asking would be refused."""
    from ftb_tui.work.asking_quote import quote_lines, require_money

    if as_json:
        put_json({**asdict(quote), "costs_money": quote.costs_money})
    else:
        put_sentences(quote_lines(quote))
    # With the reason, as asking would be.
    require_money(quote)


def agree(quote: AskingQuote, *, yes: bool, max_cost: float | None) -> None:
    """Show what asking costs and ask whether to; who has named a cap has agreed. Says nothing where nothing is paid.

    Raises `LaunchRefusedError` where the day's budget has nothing left.
    """
    from ftb_tui.report.plain import visible
    from ftb_tui.work.asking_quote import consent_words, quote_lines, require_money

    require_money(quote)
    if not quote.costs_money:
        return
    for line in quote_lines(quote, max_cost):
        say(visible(line))
    if max_cost is None:
        confirm(f"{consent_words(quote).capitalize()}?", yes=yes)
