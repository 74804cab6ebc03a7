"""Write docs/keys.md from the app's bindings."""

from __future__ import annotations

from pathlib import Path

from ftb_tui.ui.keymap import keys_page

if __name__ == "__main__":
    Path(__file__).with_name("keys.md").write_text(keys_page(), encoding="utf-8")
