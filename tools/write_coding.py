"""Write the coding family's files from its table: `.venv/bin/python tools/write_coding.py` after every change of it."""

from __future__ import annotations

from ftb_tui.benchmark.coding import build_coding, read_renames
from ftb_tui.benchmark.load import bundled_folder, write_dataset_folder

FOLDER = bundled_folder() / "coding"

if __name__ == "__main__":
    dataset = build_coding(read_renames(FOLDER / "renames.tsv"))
    write_dataset_folder(dataset, FOLDER)
    print(f"{dataset.dataset_id}: {len(dataset.facts)} facts, {len(dataset.questions)} questions in {FOLDER}")
