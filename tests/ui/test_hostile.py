"""What models and servers write is shown, never obeyed: no markup, no links, no escapes, no crash."""

from __future__ import annotations

import pytest
from textual.widgets import DataTable

from ftb_tui.store.database import open_store
from tests.ui.pilot import demo_app, fill_demo, filled, shows, text_of, until

CLICK = "[@click=app.quit]press[/] [bold red]me[/]"
HOSTILE = {
    "markup": CLICK,
    "unclosed markup": "[/] [[ ]] [not closed \\[",
    "escapes": "\x1b[2J\x1b]52;c;aGVsbG8=\x07 cleared",
    "link": "\x1b]8;;http://example.invalid\x1b\\link\x1b]8;;\x1b\\",
    "bidirectional": "abc \u202e drawkcab \u2066 x",
    "zero width": "a\u200bb\ufeffc",
    "emoji": "👩‍👩‍👧‍👦 🇩🇪 👍🏽",
    "combining": "e" + "\u0301" * 300,
    "one long line": "x" * 1_000_000,
    "many lines": "line\n" * 20_000,
    "surrogate": "\\ud800 and \N{REPLACEMENT CHARACTER}",
    "carriage": "one\rtwo\x0bthree\x0cfour\x00five",
}


async def _plant(text: str) -> None:
    await fill_demo()
    db = await open_store()
    # A megabyte stands in one answer, as it would; short texts stand everywhere.
    one = len(text) > 10_000
    first = "(SELECT min(question_key) FROM responses)"
    here = f"WHERE question_key = {first}" if one else ""
    graded = f"WHERE response_key IN (SELECT response_key FROM responses {here})" if one else ""
    fact = f"WHERE fact_id = (SELECT fact_id FROM questions {here})" if one else ""
    await db.execute(f"UPDATE responses SET answer = :text {here}", {"text": text})
    await db.execute(f"UPDATE grades SET verdict = 'wrong', reason = :text {graded}", {"text": text})
    await db.execute(f"UPDATE facts SET text = :text {fact}", {"text": text})
    await db.execute(f"UPDATE questions SET question = :text, prompt = :text, answer = :text {here}", {"text": text})
    await db.execute("UPDATE job_events SET message = :text WHERE job_event_key % 20 = 0", {"text": text[:20_000]})
    await db.execute("UPDATE jobs SET error = :text, follow_error = :text, raw_state = :text", {"text": text[:20_000]})
    await db.execute("UPDATE models SET name = name || :text WHERE kind <> 'base'", {"text": text[:5_000]})
    await db.execute("UPDATE datasets SET title = :text, source = :text", {"text": text[:5_000]})
    await db.execute("UPDATE evaluations SET error = :text", {"text": text[:20_000]})
    await db.commit()
    await db.close()


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
async def test_hostile_text_is_shown_on_every_screen_and_nothing_happens(text: str) -> None:
    await _plant(text)
    app = demo_app()
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await filled(pilot)
        for key in "12345":
            await pilot.press(key)
            await filled(pilot)
        app._tell("error", text)
        await until(pilot, lambda: bool(app.screen.query("Toast")))
        assert all(toast.size.height <= 20 for toast in app.screen.query("Toast")), "it hides the screen"
        await pilot.press("4")
        await filled(pilot)
        await pilot.press("enter")
        await until(pilot, shows(pilot, "showing wrong"))
        assert app.screen.query_one("#answers", DataTable).row_count > 0
        await pilot.press("space")
        await pilot.pause()
        seen = text_of(app)
        clean = all(character.isprintable() or character == "\n" for character in seen)
        assert clean, "a control character reached the terminal"
        assert app.return_code is None
    assert app.return_code in (None, 0)


async def test_markup_in_an_answer_is_text_and_cannot_be_clicked() -> None:
    await _plant(CLICK)
    app = demo_app()
    async with app.run_test(size=(120, 40)) as pilot:
        await filled(pilot)
        await pilot.press("4")
        await filled(pilot)
        await pilot.press("enter")
        await until(pilot, shows(pilot, CLICK))
        lines = app.screen._compositor.render_strips()
        actions = [segment.style.meta.get("@click") for line in lines for segment in line if segment.style]
        assert not any(action and "quit" in str(action) for action in actions)
