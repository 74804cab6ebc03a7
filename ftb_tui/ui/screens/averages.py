"""Each model's averages over families, and how much it knows only in the words it was taught."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import on, work
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from ftb_tui.report.heat import bar
from ftb_tui.report.numbers import counted, difference, interval, score, signed_interval
from ftb_tui.report.plain import one_line
from ftb_tui.ui.acting import telling
from ftb_tui.ui.away import away
from ftb_tui.ui.screens.opened import OpenedScreen
from ftb_tui.ui.widgets.detail import Detail
from ftb_tui.ui.widgets.splitter import Splitter
from ftb_tui.ui.widgets.table import Table

if TYPE_CHECKING:
    import aiosqlite

    from ftb_tui.benchmark.averages import Average
    from ftb_tui.report.sheets import Sheet
    from ftb_tui.store.models import ModelRow
    from ftb_tui.work.gap import Gap
    from ftb_tui.work.statistics import ModelAverage

WAYS = {"by_family": "mean of families", "by_question": "mean of all questions"}
KINDS = {
    "all": "all families",
    "new": "new knowledge (fictional_people, latest_news)",
    "updating": "updating knowledge (coding, medical)",
}
EXPLAINED = (
    "Generalization is rephrased questions and vignettes; date change, secondary and comparison are in neither average, "
    "as in the paper. The gap is over the facts that were asked both ways. Intervals: 95%, bootstrap over facts."
)

COMPUTING = "Still computing the intervals; ask again when the averages are there."


@dataclass(frozen=True, slots=True)
class _Model:
    name: str
    short: str
    kind: str
    provider: str
    stored: str
    """What it is called in the store."""
    averages: dict[tuple[str, str, str], ModelAverage]
    """By what, way and kind of knowledge."""
    gaps: dict[str, Gap]
    """By kind of knowledge."""


class AveragesScreen(OpenedScreen):
    """A row is a model; below it stands everything about its averages."""

    NAME = "Averages"
    PURPOSE = (
        "One figure a model: its average over families for what it was trained on and for other wordings, and the gap "
        "between the two. A large gap means that words were learnt, not facts."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("m", "way", "Mean", id="averages.way", tooltip="Families count the same, or questions count the same"),
        Binding("n", "knowledge", "Knowledge", id="averages.knowledge",
                tooltip="All families, those of new knowledge, those of updating knowledge"),
        Binding("e", "export", "Export", id="averages.export", tooltip="Write every average and gap to a file"),
        Binding("y", "copy", "Copy", id="averages.copy", tooltip="Copy the table as tab-separated text"),
    ]  # fmt: skip
    DEFAULT_CSS = """
    AveragesScreen #detail { height: auto; max-height: 50%; padding: 0 1; }
    AveragesScreen #about { height: auto; }
    """

    def __init__(self, grader: str) -> None:
        super().__init__()
        self._grader = grader
        self._way = "by_family"
        self._knowledge = "all"
        self._models: dict[str, _Model] | None = None

    def body(self) -> Iterable[Widget]:
        """The table and the detail."""
        yield Table(id="averages")
        yield Splitter(id="above-detail", pane="averages")
        with Detail(id="detail"):
            yield Static("", id="about", markup=False)

    def on_mount(self) -> None:
        """Begin to compute: about a second for each model."""
        self.head("Averages: computing the intervals…")
        self.query_one("#averages").focus()
        self._read()

    @work
    @telling
    async def _read(self) -> None:
        self._models = await away(self._computed)
        self._fill()

    async def _computed(self, db: aiosqlite.Connection) -> dict[str, _Model]:
        from ftb_tui.store.models import list_models
        from ftb_tui.work.gap import gaps
        from ftb_tui.work.statistics import EVERY, KNOWLEDGE, statistics

        report = await statistics(db, grader=self._grader)
        found = (*report.averages, *report.by_knowledge)
        gap_of = {EVERY: await gaps(db, grader=self._grader)}
        for knowledge, families in KNOWLEDGE.items():
            gap_of[knowledge] = await gaps(db, grader=self._grader, families=families)
        models = {}
        for model in await list_models(db):
            mine = {
                (a.what, a.average, a.knowledge): a
                for a in found
                if (a.provider, a.model) == (model.provider, model.name)
            }
            if mine:
                mine_gaps = {kind: of[model.model_key] for kind, of in gap_of.items() if model.model_key in of}
                models[str(model.model_key)] = _Model(
                    *_names(model), model.kind, model.provider, model.name, mine, mine_gaps
                )
        return models

    def _fill(self) -> None:
        if self._models is None:
            return
        wide = self.has_class("-wide")
        kind = KINDS[self._knowledge] if wide else KINDS[self._knowledge].partition(" (")[0]
        self.head(f"Averages by {one_line(self._grader, 20)} · {WAYS[self._way]} · {kind}")
        lines: list[tuple[str, tuple[str | Text, ...]]] = []
        for key, model in self._models.items():
            name = Text(
                one_line(model.name if wide else model.short, 50), style="bold" if model.kind == "tuned" else ""
            )
            cells = (
                self._cell(model.averages.get((what, self._way, self._knowledge)))
                for what in ("memorization", "generalization")
            )
            over = (Text(self._families(model), style="dim"),) if wide else ()
            lines.append((key, (name, *cells, self._gap(self._gap_of(model)), *over)))
        columns = ("model", "memorization", "generalization", "gap", *(("families",) if wide else ()))
        self.query_one("#averages", Table).show(columns, lines, right=frozenset())
        self._fill_detail()

    def _gap_of(self, model: _Model) -> Average | None:
        gap = model.gaps.get(self._knowledge)
        if gap is None:
            return None
        return gap.by_family if self._way == "by_family" else gap.by_fact

    def _families(self, model: _Model) -> str:
        """Over how many families both averages are: those over other ones are not to be compared."""
        found = [model.averages.get((what, self._way, self._knowledge)) for what in ("memorization", "generalization")]
        return " and ".join(dict.fromkeys(str(len(one.families)) for one in found if one is not None))

    def _cell(self, average: ModelAverage | None) -> Text:
        if average is None:
            return Text("·", style="dim")
        text = Text(f"{bar(average.value)} {score(average.value)}")
        return text.append(f" {interval(average.low, average.high)}", style="dim")

    def _gap(self, gap: Average | None) -> Text:
        if gap is None:
            return Text("·", style="dim")
        text = Text(f"{difference(gap.value):<5}")
        return text.append(f" {signed_interval(gap.low, gap.high)}" if self.has_class("-wide") else "", style="dim")

    @on(Table.RowHighlighted)
    def _other_row(self) -> None:
        self._fill_detail()

    def _fill_detail(self) -> None:
        if self._models is None:
            return
        model = self._models.get(self.query_one("#averages", Table).chosen or "")
        lines = []
        if model is not None:
            lines.append(one_line(model.name, 100))
            for (what, way, kind), average in model.averages.items():
                if kind != self._knowledge or (way != self._way and not self.has_class("-wide")):
                    continue
                line = f"{what}, {WAYS[way]}: {score(average.value)} (95% {interval(average.low, average.high)})"
                if average.difference is not None:
                    between = signed_interval(average.difference_low, average.difference_high)
                    line += f", {difference(average.difference)} against the base (95% {between})"
                families = counted(len(average.families), "family", "families")
                lines.append(f"{line}; {counted(average.n, 'answer')}, {counted(average.facts, 'fact')}, {families}")
            lines += self._other_kinds(model)
            if (gap := self._gap_of(model)) is not None:
                lines.append(
                    f"generalization gap {difference(gap.value)} (95% {signed_interval(gap.low, gap.high)}) over"
                    f" {counted(gap.clusters, 'fact')}: {_meaning(gap)}"
                )
            lines.append("")
        elif not self._models:
            lines.append("No model was asked the trained questions, rephrased ones or vignettes yet.\n")
        self.query_one("#about", Static).update(Content("\n".join((*lines, EXPLAINED))))

    def _other_kinds(self, model: _Model) -> list[str]:
        """New against updating knowledge where all families are shown; what to do where this kind was not asked."""
        if self._knowledge != "all":
            asked = any(kind == self._knowledge for _, _, kind in model.averages)
            dataset = "coding" if self._knowledge == "updating" else "fictional_people"
            return [] if asked else [f"Not asked about {KINDS[self._knowledge]}: ftb bench --dataset {dataset}"]
        lines = []
        for what in ("memorization", "generalization"):
            new, updating = (model.averages.get((what, self._way, kind)) for kind in ("new", "updating"))
            if new is not None and updating is not None:
                lines.append(
                    f"{what}: new knowledge {score(new.value)} ({interval(new.low, new.high)}), "
                    f"updating {score(updating.value)} ({interval(updating.low, updating.high)})"
                )
        return lines

    def on_resize(self) -> None:
        """Longer names where there is room."""
        self.call_after_refresh(self._fill)

    def action_way(self) -> None:
        """Average the other way."""
        if self.there(self._models, COMPUTING) is None:
            return
        ways = list(WAYS)
        self._way = ways[(ways.index(self._way) + 1) % len(ways)]
        self._fill()

    def action_knowledge(self) -> None:
        """The next kind of knowledge."""
        if self.there(self._models, COMPUTING) is None:
            return
        kinds = list(KINDS)
        self._knowledge = kinds[(kinds.index(self._knowledge) + 1) % len(kinds)]
        self._fill()

    def action_export(self) -> None:
        """Write every average and gap to a file that is asked for."""
        if (models := self.there(self._models, COMPUTING)) is None:
            return
        if not models:
            self.notify("There is nothing to write.", markup=False)
            return
        from ftb_tui.ui.screens.sheet_export import ask_for_file

        ask_for_file(
            self.app, "every average and gap", "average", f"averages {self._grader}",
            lambda: _sheet(list(models.values()), self._grader),
        )  # fmt: skip

    def action_copy(self) -> None:
        """Copy every average and gap, tab-separated, with a head."""
        if (models := self.there(self._models, COMPUTING)) is None:
            return
        lines = ["model\twhat\thow\tvalue\tlow\thigh\tn\tfacts\tfamilies\tknowledge"]
        for model in models.values():
            for average in model.averages.values():
                lines.append(
                    f"{one_line(model.name, 200)}\t{average.what}\t{average.average}\t{average.value}\t{average.low}\t"
                    f"{average.high}\t{average.n}\t{average.facts}\t{','.join(average.families)}\t{average.knowledge}"
                )
            for kind, found in model.gaps.items():
                for gap in (found.by_family, found.by_fact):
                    lines.append(
                        f"{one_line(model.name, 200)}\tgap\t{gap.name}\t{gap.value}\t{gap.low}\t{gap.high}\t\t"
                        f"{gap.clusters}\t\t{kind}"
                    )
        self.app.copy_to_clipboard("\n".join(lines))
        self.notify(f"{len(lines) - 1} averages copied.", markup=False)


def _sheet(models: Sequence[_Model], grader: str) -> Sheet:
    """Every average and gap; a gap has the names of an average, as far as it has one."""
    from ftb_tui.report.sheets import ReadTable, Sheet

    rows: list[dict[str, object]] = []
    lines = []
    for model in models:
        for average in model.averages.values():
            rows.append(asdict(average))
            between = signed_interval(average.difference_low, average.difference_high)
            lines.append(
                (
                    model.name, average.of, WAYS[average.average], score(average.value),
                    interval(average.low, average.high), difference(average.difference), between, str(average.n),
                    str(average.facts), ", ".join(average.families),
                )
            )  # fmt: skip
        for kind, found in model.gaps.items():
            for way, gap in (("by_family", found.by_family), ("by_question", found.by_fact)):
                of = {"provider": model.provider, "model": model.stored, "kind": model.kind, "what": "gap"}
                figures = {"value": gap.value, "low": gap.low, "high": gap.high, "facts": gap.clusters}
                rows.append({**of, "average": way, **figures, "knowledge": kind})
                what = "gap" if kind == "all" else f"gap, {kind} knowledge"
                lines.append(
                    (
                        model.name, what, WAYS[way], difference(gap.value), signed_interval(gap.low, gap.high), "", "", "",
                        str(gap.clusters), "",
                    )
                )  # fmt: skip
    head = ("model", "average of", "how", "score", "95%", "diff to base", "95% of diff", "n", "facts", "families")
    table = ReadTable("Averages", head, lines, frozenset({"score", "diff to base", "n", "facts"}))
    whole = {"grader": grader, "averages": rows}
    return Sheet(f"Averages by {grader}", (EXPLAINED,), (table,), rows, whole)


def _meaning(gap: Average) -> str:
    if gap.low > 0:
        return "more is known in the taught words than in others."
    return "less is known in the taught words than in others." if gap.high < 0 else "no sure difference."


def _names(model: ModelRow) -> tuple[str, str]:
    """A model's name where there is room, and where there is not."""
    if model.kind == "base" or not model.name.startswith("ft:"):
        return (f"{model.name} (base)" if model.kind == "base" else model.name), model.name
    what = "tuned" if model.kind == "tuned" else f"epoch {model.epoch}" if model.epoch else f"step {model.step}"
    end = model.name.split(":ckpt-")[0].rsplit(":", 1)[-1]
    return f"{model.base_model} {end} ({what})", f"{what} {end}"
