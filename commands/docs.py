"""Write docs/features.md, docs/candles.md and docs/params.md from what is declared."""

from tapeline.checks.params_page import PAGE, params_page
from tapeline.ending import run_command
from tapeline.outputs import whole_file
from tapeline.reports.reference import PAGES


def main() -> None:
    """Write the pages."""
    for path, page in (PAGES | {PAGE: params_page}).items():
        with whole_file(path) as aside:
            aside.write_text(page(), encoding="utf-8")
        print(f"written: {path}")


if __name__ == "__main__":
    run_command(main)
