"""Write docs/features.md, candles.md and params.md, as declared, and build the site of all pages from docs/."""

import logging
from pathlib import Path

from mkdocs.commands.build import build
from mkdocs.config import load_config

from tapeline.checks.params_page import PAGE, params_page
from tapeline.ending import run_command
from tapeline.outputs import whole_file
from tapeline.reports.reference import PAGES

SITE = Path("site")


def main() -> None:
    """Write the pages, then build the site, strictly: a broken link ends it."""
    for path, page in (PAGES | {PAGE: params_page}).items():
        with whole_file(path) as aside:
            aside.write_text(page(), encoding="utf-8")
        print(f"written: {path}")


if __name__ == "__main__":
    run_command(main)
