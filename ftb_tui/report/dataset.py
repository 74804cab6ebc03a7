"""A dataset in words: where it is from, what may be done with it, what it holds, what knowing nothing scores on it."""

from __future__ import annotations

from ftb_tui.report.numbers import score
from ftb_tui.store.dataset_details import DatasetDetails
from ftb_tui.store.datasets import DatasetRow

_HASH = 8


def details_text(row: DatasetRow, details: DatasetDetails) -> str:
    """The short form, a fact a line. Text from files is left as it is: make it harmless before it is shown."""
    lines = [
        f"{row.title or row.name}",
        f"version  {row.version} · {row.family.replace('_', ' ')}",
        f"facts    {row.n_facts}",
        f"licence  {row.licence or 'not stated'}",
    ]
    lines += _from(row, details)
    lines += ["", f"{row.n_questions} questions"]
    lines += [f"  {task:<13} {count}" for task, count in row.tasks.items()]
    if details.baselines:
        lines += ["", "Knowing nothing scores"]
        for task, one in details.baselines.items():
            lines += [f"  {task:<13} No {score(one.always_no)} · majority {score(one.majority)}"]
    rests = [f"{count} {what}" for count, what in _rest(details) if count]
    lines += ["", f"In the store: {', '.join(rests)}"] if rests else []
    return "\n".join(lines)


def whole_text(row: DatasetRow, details: DatasetDetails) -> str:
    """All that is known of a dataset, and its card."""
    lines = [details_text(row, details)]
    taken = details.provenance
    if taken is not None:
        lines += ["", f"taken from  {taken.origin}", f"at          {taken.taken_at}"]
        lines += [f"commit      {taken.revision}"] if taken.revision else []
        lines += [f"SHA-256     {taken.sha256}"]
        lines += [f"licence     {taken.licence_note}"] if taken.licence_note else []
        lines += ["", "Files"] if taken.files else []
        for file in taken.files:
            lines.append(f"  {file.name}: {file.n_rows:,} rows, {file.n_bytes:,} bytes, SHA-256 {file.sha256}")
    lines += ["", row.card.strip() or f"# {row.title or row.name}\n\n{row.description}"]
    return "\n".join(lines)


def _from(row: DatasetRow, details: DatasetDetails) -> list[str]:
    taken = details.provenance
    if taken is None:
        return [f"source   {row.source}"] if row.source else []
    commit = f" at {taken.revision[:12]}" if taken.revision else ""
    return [
        f"from     {taken.origin}{commit}",
        f"taken    {taken.taken_at[:10]} · SHA-256 {taken.sha256[:_HASH]}…",
    ]


def _rest(details: DatasetDetails) -> tuple[tuple[int, str], ...]:
    return (
        (details.n_jobs, "job" if details.n_jobs == 1 else "jobs"),
        (details.n_evaluations, "evaluation" if details.n_evaluations == 1 else "evaluations"),
        (details.n_answers, "answer" if details.n_answers == 1 else "answers"),
    )
