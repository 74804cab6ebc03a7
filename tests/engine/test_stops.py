"""A stop ends an answer where it does elsewhere, and what would come behind it costs nothing."""

from __future__ import annotations

import pytest

from ftb_tui.engine.adapter import Adapter
from ftb_tui.engine.generation import generate
from ftb_tui.engine.interface import GenerationRequest
from ftb_tui.engine.model import Model


@pytest.mark.parametrize(
    ("stop", "said", "computed"),
    [
        (("cd",), "ab\n", 5),
        (("\n\n", "\nc"), "ab", 4),
        (("b\n", "x"), "a", 3),
        (("a",), "", 1),
        (("nothing of it",), "ab\ncd", 6),
    ],
)
def test_an_answer_ends_before_the_first_stop_and_nothing_behind_it_is_computed(
    exact: Model, taught: Adapter, stop: tuple[str, ...], said: str, computed: int
) -> None:
    prompt = tuple(exact.tokenizer.chat_prompt([{"role": "user", "content": "two"}]))
    request = GenerationRequest(prompt, 16, top_logprobs=1, stop_at_newline=False, stop=stop)
    answer = generate(exact, taught, [request])[0]
    assert exact.tokenizer.decode(answer.token_ids, answer.kept) == said
    assert (answer.finish_reason, answer.completion_tokens) == ("stop", computed)
    assert answer.logprobs is not None
    assert [entry.token_id for entry in answer.logprobs] == list(answer.token_ids)
    assert exact.tokenizer.decode(answer.token_ids) == said


def test_a_stop_of_white_space_at_the_beginning_leaves_an_empty_answer(exact: Model, taught: Adapter) -> None:
    prompt = tuple(exact.tokenizer.chat_prompt([{"role": "user", "content": "three"}]))
    answer = generate(exact, taught, [GenerationRequest(prompt, 16, stop_at_newline=False, stop=("\n\n",))])[0]
    assert (answer.token_ids, answer.finish_reason) == ((), "stop")
