"""`ftb tag`."""

from __future__ import annotations

import click

from ftb_tui.cli.common import as_json, put_json, put_table, run_async, store
from ftb_tui.cli.exits import say
from ftb_tui.cli.regrade import RESPONSE_ID
from ftb_tui.report.plain import one_line

BAR = 30
NAME = 38
"""So many characters of a tag's name stand beside its bar."""


@click.command()
@click.argument("response_ids", metavar="RESPONSE_ID...", nargs=-1, type=RESPONSE_ID)
@click.option("--add", "on", multiple=True, metavar="TAG", help="Put this tag on; may be given several times.")
@click.option("--remove", "off", multiple=True, metavar="TAG", help="Take this tag off.")
@as_json
def tag(*, response_ids: tuple[int, ...], on: tuple[str, ...], off: tuple[str, ...], as_json: bool) -> None:
    """Name the kind of error of answers, by the response_key of `ftb wrong`; without an answer count the tags.

    Any words can be a tag; the app begins with: wrong value, other entity's value, old value, refused, format,
    hallucinated detail. Find them again: ftb wrong --search tag:format.
    """
    from ftb_tui.store.tags import change_tags, clean, tag_counts, tags_of

    if not response_ids and (on or off):
        raise click.UsageError("Which answers? Give their response_key: ftb wrong --json lists it.")
    if empty := [one for one in (*on, *off) if not clean([one])]:
        raise click.UsageError(f"{empty[0]!r} is no tag: there is nothing in it.")
    if both := set(clean(on)) & set(clean(off)):
        raise click.UsageError(f"{min(both)!r} cannot be put on and taken off at once.")

    async def work() -> tuple[dict[int, tuple[str, ...]], dict[str, int]]:
        async with store() as db:
            if response_ids:
                await change_tags(db, response_ids, on=on, off=off)
            return await tags_of(db, response_ids), {} if response_ids else await tag_counts(db)

    tags, counts = run_async(work())
    if response_ids:
        keys = dict.fromkeys(response_ids)
        if as_json:
            put_json([{"response_key": key, "tags": list(tags.get(key, ()))} for key in keys])
        else:
            put_table(("response", "tags"), [(key, ", ".join(tags.get(key, ()))) for key in keys])
        return
    if as_json:
        put_json([{"tag": name, "answers": n} for name, n in counts.items()])
    elif counts:
        most = max(counts.values())
        put_table(
            ("tag", "answers", ""),
            [(one_line(name, NAME), n, "█" * max(1, round(BAR * n / most))) for name, n in counts.items()],
            right=frozenset({"answers"}),
        )
    else:
        say("No answer has a tag yet. Put one on: ftb tag RESPONSE_ID --add 'wrong value'")
