"""What is shown of one answer: question, taught fact, gold, base's and this model's answer, the other models' answers."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content

from ftb_tui.report.exchange import request_text, response_text
from ftb_tui.report.fact_sheet import taught
from ftb_tui.report.plain import has_words, one_line, readable, shortened
from ftb_tui.store.drilldown import ResponseRecord
from ftb_tui.store.results import AnswerRow, ModelAnswer
from ftb_tui.ui.widgets.marked import marked

GLYPHS = {"correct": "✓", "wrong": "✗", "abstained": "–", "failed": "!"}
FLIPS = {"fixed": "Tuning mended this one.", "broken": "Tuning broke this one."}

NO_ANSWER = "(no answer)"

Part = tuple[str, Content]
"""A title (empty for a continuation) and its text."""


def parts(
    row: AnswerRow,
    *,
    said_by: str,
    others: Sequence[ModelAnswer] = (),
    tags: Sequence[str] = (),
    training: Sequence[str] = (),
) -> list[Part]:
    """The pieces in the order in which they are read. `others` are answers of models that are not shown already."""
    found: list[Part] = [
        ("Asked", Content(shortened(row.question))),
        ("Taught", Content(shortened(taught(row.fact)))),
        ("Gold", Content(shortened(row.answer))),
    ]
    if row.base_response is not None:
        found.append((_title("Base", row.base_grade or ""), shown_answer(row.base_response, row.answer)))
        found.append(("", Content(shortened(row.base_reason or ""))))
    found.append((_title(said_by, row.grade), shown_answer(row.response, row.answer)))
    found.append(("", Content(shortened(row.reason))))
    if row.machine_grade is not None:
        machine = f"The grader had said {row.machine_grade}: {shortened(row.machine_reason or '')}"
        found.append(("", Content(machine)))
    if row.flip:
        found.append(("", Content(FLIPS[row.flip])))
    if tags:
        found.append(("Tags", Content(", ".join(one_line(tag, 40) for tag in tags))))
    if others:
        lines = (
            f"{GLYPHS.get(other.grade, '?')} {_short(other.model, other.epoch)}: "
            f"{one_line(readable(other.response, other.reason), 60)}"
            for other in others
        )
        found.append(("Other models", Content("\n".join(lines))))
    if training:
        many = f"{len(training)} lines of the training file teach this fact" if len(training) > 1 else "Training line"
        found.append((many, Content("\n".join(shortened(line, 600) for line in training[:3]))))
    return found


def said_by(kind: str, epoch: int | None) -> str:
    """What a model is called beside its base."""
    if kind == "checkpoint":
        return f"Epoch {epoch}" if epoch else "Checkpoint"
    return "Answer" if kind == "base" else "Tuned"


def laid_out(found: Sequence[Part], *, wide: bool) -> Content:
    """Titles over their texts with room between them, or, where there is little room, in front of them."""
    content = Content("")
    for place, (title, text) in enumerate(found):
        if not wide:
            lead = Content.styled(f"{title}: " if title else "  ", "bold")
            content += lead + (Content("\n") if "\n" in text.plain and title else Content("")) + text + Content("\n")
            continue
        goes_on = place + 1 < len(found) and not found[place + 1][0]
        head = Content.styled(f"{title}\n", "bold") if title else Content("")
        content += head + text + Content("\n" if goes_on else "\n\n")
    return content


def whole_text(row: AnswerRow, record: ResponseRecord | None, training: Sequence[str]) -> str:
    """Everything that is kept of an answer, as one text: question and answer, the exchange behind them, what was taught."""
    failed = f"{record.error_kind}: {record.error}" if record is not None and record.error_kind else NO_ANSWER
    said = [
        ("asked", row.prompt),
        ("gold", row.answer),
        ("answer", readable(row.response, failed)),
        ("grade", f"{row.grade}: {row.reason}"),
    ]
    if record is not None:
        said += [
            (f"request to {record.provider}, rebuilt from what is kept", request_text(record)),
            ("what was kept of the response", response_text(record)),
        ]
    if row.base_response is not None:
        said.append(("base's answer", readable(row.base_response, NO_ANSWER)))
    if training:
        said.append(("in the training file", "\n".join(training)))
    return "\n\n".join(f"--- {name}\n{text}" for name, text in said)


def _title(name: str, grade: str) -> str:
    return f"{name} {GLYPHS.get(grade, '?')} {grade}"


def shown_answer(answer: str | None, gold: str) -> Content:
    """An answer with what it shares with the gold marked, in so many lines as it has words for."""
    text = shortened(readable(answer, NO_ANSWER))
    return marked(text, shortened(gold)) if has_words(answer or "") else Content(text)


def _short(model: str, epoch: int | None) -> str:
    return f"epoch {epoch}" if ":ckpt-" in model and epoch else one_line(model, 40)
