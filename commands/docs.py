"""Write docs/features.md from the declarations: every feature, its lookback, range and meaning."""

from pathlib import Path

from tapeline.features.catalog import FEATURES, GROUPS
from tapeline.features.declare import Feature
from tapeline.outputs import whole_file

PAGE = Path("docs/features.md")


def features_page() -> str:
    """The page as Markdown: a table a group, made from what is declared."""
    longest = max(FEATURES.values(), key=lambda feature: feature.lookback)
    lines = [
        "# Features",
        "",
        "Made by `make docs` from the declarations in `tapeline/features/`; not to be edited by hand.",
        "",
        f"{len(FEATURES)} features in {len(GROUPS)} groups. Each value is known at the close of its candle",
        "and fixed, to one part in a million, by `lookback` candles, that one included. Switch groups by",
        "`features.groups`, single features by `features.exclude`. The longest lookback,",
        f"{longest.lookback} candles (`{longest.name}`), is the warm-up lost at the start of every segment.",
    ]
    for group in GROUPS:
        lines += ["", f"## {group}", "", "| feature | lookback | range | meaning |", "|---|---|---|---|"]
        lines += [_row(feature) for feature in FEATURES.values() if feature.group == group]
    return "\n".join(lines) + "\n"


def _row(feature: Feature) -> str:
    low, high = ("" if bound is None else f"{bound:g}" for bound in (feature.low, feature.high))
    span = f"{low} .. {high}" if low or high else ""
    meaning = feature.meaning.replace("|", "\\|")
    return f"| `{feature.name}` | {feature.lookback} | {span} | {meaning} |"


def main() -> None:
    """Write the page."""
    with whole_file(PAGE) as aside:
        aside.write_text(features_page(), encoding="utf-8")
    print(f"written: {PAGE}")


if __name__ == "__main__":
    main()
