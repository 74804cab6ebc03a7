"""What was asked and what came back is shown as it was, or said not to be."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from ftb_tui.report.exchange import request_text, response_text
from ftb_tui.store.drilldown import ResponseRecord

RECORD = ResponseRecord(
    response_key=1, provider="openai", model="gpt-x", model_reported="gpt-x-2026", prompt="How tall?\nA number.",
    parameters={"max_completion_tokens": 5, "left_out": ["seed"], "batch": True}, answer="\n" * 16 + "\x1b[31m163",
    error_kind=None, error=None, finish_reason="length", prompt_tokens=9, completion_tokens=5, latency_ms=12.5, attempts=2,
    request_id="req-1", created_at=0.0, tokens_estimated=False, yes=None, no=None, floor=None,
)  # fmt: skip


def test_a_request_is_the_json_that_was_posted_and_says_what_was_left_out() -> None:
    head, *body, note = request_text(RECORD).splitlines()
    assert head == "POST /chat/completions, as a line of a batch"
    assert json.loads("\n".join(body)) == {
        "model": "gpt-x",
        "messages": [{"role": "user", "content": "How tall?\nA number."}],
        "max_completion_tokens": 5,
    }
    assert note == "Left out, since the model refuses it: seed"


def test_a_request_to_gemini_has_its_generation_config() -> None:
    parameters: dict[str, object] = {"maxOutputTokens": 5, "candidateCount": 1}
    head, *body = request_text(replace(RECORD, parameters=parameters)).splitlines()
    assert head == "POST gpt-x:generateContent"
    assert json.loads("\n".join(body))["generationConfig"] == parameters


@pytest.mark.parametrize("sent", [{"maxOutputTokens": 5}, {"max_tokens": 5}])
def test_what_is_only_noted_beside_the_parameters_is_in_no_request(sent: dict[str, object]) -> None:
    noted = {
        **sent,
        "tokens": "estimated",
        "asked_as": "a-deployment",
        "api": "chat",
        "left_out": ["seed"],
        "batch": True,
    }
    shown = request_text(replace(RECORD, parameters=noted))
    assert not [word for word in ('"tokens"', "asked_as", '"api"', '"left_out"', '"batch"') if word in shown]


def test_an_imported_answer_had_no_request() -> None:
    assert "nothing was asked from here" in request_text(replace(RECORD, parameters={"imported_from": "a.jsonl"}))


def test_what_is_kept_of_a_response_has_its_control_characters_escaped() -> None:
    text = response_text(RECORD)
    assert json.loads(text)["answer"] == RECORD.answer
    assert "\x1b" not in text
    assert "\\n\\n\\u001b[31m163" in text
    assert json.loads(text)["usage"] == {"prompt_tokens": 9, "completion_tokens": 5}
    assert {"finish_reason", "request_id", "latency_ms", "attempts", "kept_at", "model"} <= json.loads(text).keys()


def test_a_failure_and_the_chances_of_yes_and_no_are_kept() -> None:
    failed = replace(RECORD, answer=None, error_kind="timeout", error="no answer", yes=-0.5, tokens_estimated=True)
    kept = json.loads(response_text(failed))
    assert kept["error"] == {"kind": "timeout", "message": "no answer"}
    assert kept["first_word_log_probabilities"] == {"Yes": -0.5, "No": None, "least_listed": None}
    assert kept["usage_is_estimated"]
