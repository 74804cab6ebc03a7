"""Adding a provider, or changing one: a few fields, checked as the configuration is, written without touching the rest."""

from __future__ import annotations

from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Checkbox, Input, Label, Static

from ftb_tui.providers.config import BUILT_IN_NAMES, ConfigError, ProviderConfig
from ftb_tui.providers.dialect import dialect_names
from ftb_tui.report.plain import visible
from ftb_tui.ui.acting import telling

_FIELDS = {
    "name": ("Name", "as commands will call it, for example my-server"),
    "base_url": ("Address", "for example http://127.0.0.1:8000/v1"),
    "dialect": ("Dialect", "{dialects}"),
    "api_key_env": ("Key variable", "the variable that holds the key, never the key itself"),
    "api_key_keyring": ("Keyring entry", "or the entry of the keyring that holds it"),
    "title": ("Title", "none"),
}
"""For each field, named as in the configuration, its label and what it says when it is empty."""
_FIXED_FOR_BUILT_IN = ("base_url", "dialect", "inference_only")


class ProviderScreen(ModalScreen[str | None]):
    """Closes with the provider's name once it is written, or with None. Nothing is sent to anybody."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "save", "Write it", id="provider.save"),
        Binding("escape", "leave", "Leave it", id="provider.leave"),
    ]
    DEFAULT_CSS = """
    ProviderScreen #provider-said { height: auto; margin-top: 1; display: none; }
    ProviderScreen Checkbox { border: none; padding: 0; background: $panel; margin-top: 1; }
    ProviderScreen #provider-fields {
        layout: grid; grid-size: 2; grid-columns: 15 1fr; grid-rows: 1; height: auto; margin-top: 1;
    }
    ProviderScreen Label { color: $text-muted; }
    """

    def __init__(self, name: str | None = None, own: ProviderConfig | None = None) -> None:
        """`name` and `own` are those of a provider that there is; without a name one is added."""
        super().__init__()
        self._name, self._own = name, own or ProviderConfig()
        self._fields = [field for field in _FIELDS if self._asks(field)]

    def _asks(self, field: str) -> bool:
        if field == "name":
            return self._name is None
        return self._name not in BUILT_IN_NAMES or field not in (*_FIXED_FOR_BUILT_IN, "title")

    def compose(self) -> ComposeResult:
        """The fields, what is wrong with them, the keys."""
        with VerticalScroll(classes="dialog", can_focus=False):
            yield Static(Content(f"Settings of {self._name}" if self._name else "A server that speaks the OpenAI wire"))
            with Container(id="provider-fields"):
                for field in self._fields:
                    label, empty = _FIELDS[field]
                    yield Label(label)
                    yield Input(
                        str(getattr(self._own, field, None) or ""),
                        placeholder=empty.format(dialects=", ".join(_choices())),
                        compact=True,
                        id=f"provider-{field}",
                    )
            if self._asks("inference_only"):
                yield Checkbox(
                    "It only answers; it does not train", value=self._own.inference_only, id="provider-inference_only"
                )
            yield Static("", id="provider-said", markup=False)
            yield Static(Content("\nenter  write it into config.toml    tab  next field    escape  leave it"))

    @on(Input.Submitted)
    def _submitted(self) -> None:
        self.action_save()

    @work(exclusive=True)
    @telling
    async def action_save(self) -> None:
        """Write the table; what is wrong stays in the dialog until it is mended."""
        import asyncio

        from ftb_tui.providers.config_editing import write_provider

        name, values = self._given()
        try:
            if self._name is None and await asyncio.to_thread(_is_there, name):
                raise ConfigError(f"There is a provider {name} already; choose it and press e to change it.")
            file = await asyncio.to_thread(write_provider, name, values)
        except ConfigError as error:
            said = self.query_one("#provider-said", Static)
            said.update(Content(visible(str(error))))
            said.display = True
            return
        self.notify(visible(f"Written to {file}."), markup=False)
        self.dismiss(name)

    def _given(self) -> tuple[str, dict[str, str | bool | None]]:
        values: dict[str, str | bool | None] = {
            field: self.query_one(f"#provider-{field}", Input).value.strip() or None for field in self._fields
        }
        name = self._name or str(values.pop("name") or "")
        if self._asks("inference_only"):
            values["inference_only"] = self.query_one("#provider-inference_only", Checkbox).value or None
        if values.get("dialect") == "custom":
            values["dialect"] = None
        return name, values

    def action_leave(self) -> None:
        """Close, with nothing written."""
        self.dismiss(None)


def _choices() -> list[str]:
    """The dialects that a provider of one's own can have; the engine has no address to give."""
    return ["custom", *(name for name in dialect_names() if name not in ("custom", "local"))]


def _is_there(name: str) -> bool:
    from ftb_tui.providers.config import load_config
    from ftb_tui.providers.registry import provider_names

    config = load_config()
    return name in provider_names(config)
