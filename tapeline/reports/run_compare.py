"""Two runs side by side, `reports/compare.html`: what differs, by how much, and whether that is chance."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import altair as alt
import pandas as pd

from tapeline.evaluation.params import EvaluationParams
from tapeline.params import Params
from tapeline.promotion.gates import Verdict
from tapeline.reports.changes import Metrics
from tapeline.reports.colours import BAD, MODEL
from tapeline.reports.pages import embed, write_page
from tapeline.reports.paired import DAILY, Paired, pair_days, pair_models
from tapeline.reports.recorded_run import MissingFileError, RecordedRun
from tapeline.reports.run_report import account_currency
from tapeline.reports.wording import Wording, name_of

PAGE = Path("reports/compare.html")
HEIGHT = 240
CURVES = {
    "plots/equity.csv": ("timestamp", {"equity": "Equity", "drawdown": "Drawdown from the running peak"}),
    "plots/reliability.csv": ("mean_probability", {"observed": "What came of each probability"}),
}


@dataclass(frozen=True)
class Flip:
    """A gate that does not end alike in both runs; None where a run has no such gate."""

    artifact: str
    gate: str
    first: Verdict | None
    second: Verdict | None


@dataclass(frozen=True)
class RunsCompared:
    """What two runs differ in. missing : what could not be compared, and why, a line each"""

    params: dict[str, tuple[Any, Any]]
    figures: dict[str, tuple[Any, Any]]
    n_figures: int
    paired: list[Paired]
    flips: list[Flip]
    n_gates: int
    missing: list[str | MissingFileError]

    @property
    def counts(self) -> str:
        """How much differs, in words."""
        params = f"{len(self.params)} {'param' if len(self.params) == 1 else 'params'} of params.yaml"
        figures = f"{len(self.figures)} of {self.n_figures} figures"
        return f"{params}, {figures}, the end of {len(self.flips)} of {self.n_gates} gates"

    @property
    def not_compared(self) -> list[str]:
        """A line for each reason, files of one run together."""
        files: dict[str, tuple[RecordedRun, list[str]]] = {}
        for each in self.missing:
            if isinstance(each, MissingFileError):
                files.setdefault(each.run.name, (each.run, []))[1].append(each.path)
        lines = [each for each in self.missing if isinstance(each, str)]
        return [*dict.fromkeys(lines), *(run.missing(paths) for run, paths in files.values())]


def compare_runs(first: RecordedRun, second: RecordedRun) -> RunsCompared:
    """Hold two runs against each other; ArtifactError names a file without which there is nothing to say."""
    level = Params.read().section("evaluation", EvaluationParams).level
    missing: list[str | MissingFileError] = []
    paired: list[Paired] = []
    for found in (*pair_models(first, second, level), _days(first, second, level)):
        paired.extend(found) if isinstance(found, list) else missing.append(found)
    flips, n_gates = flipped(first.record().gates, second.record().gates)
    figures = _by_key(first.metrics()), _by_key(second.metrics())
    return RunsCompared(
        params=different(first.params(), second.params()),
        figures=different(*figures),
        n_figures=len({**figures[0], **figures[1]}),
        paired=paired,
        flips=flips,
        n_gates=n_gates,
        missing=missing,
    )


def _days(first: RecordedRun, second: RecordedRun, level: float) -> list[Paired] | str | MissingFileError:
    try:
        return pair_days(first.csv(DAILY), second.csv(DAILY), level)
    except MissingFileError as error:
        return error


def different(first: dict[str, Any], second: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Keys whose values differ, with both; "not there" where one has no such key."""
    absent = "not there"
    pairs = {key: (first.get(key, absent), second.get(key, absent)) for key in {**first, **second}}
    return {key: pair for key, pair in pairs.items() if pair[0] != pair[1]}


def flipped(first: tuple[Verdict, ...], second: tuple[Verdict, ...]) -> tuple[list[Flip], int]:
    """Gates that end in another status, and how many there are in all."""
    one, other = ({(gate.artifact, gate.gate): gate for gate in gates} for gates in (first, second))
    keys = list({**one, **other})
    flips = [Flip(*key, one.get(key), other.get(key)) for key in keys]
    status = [tuple(gate and gate.status for gate in (flip.first, flip.second)) for flip in flips]
    return [flip for flip, (a, b) in zip(flips, status, strict=True) if a != b], len(keys)


def write_comparison(first: RecordedRun, second: RecordedRun) -> tuple[Path, RunsCompared, Wording]:
    """Write the page; return where it lies, what it shows, and in which words."""
    compared = compare_runs(first, second)
    params = Params.read()
    wording = Wording(account_currency(params), params.value("ftmo.control_runs", int))
    drawn = {"curves": _curves(first, second, compared.missing)}
    charts, scripts = embed(drawn)
    level = params.section("evaluation", EvaluationParams).level
    page = write_page(
        PAGE,
        "compare.html.j2",
        filters={"said": wording.said, "name_of": name_of, "limit": wording.gate},
        first=first,
        second=second,
        compared=compared,
        level=level,
        wording=wording,
        charts=charts.get("curves", []),
        scripts=scripts,
    )
    return page, compared, wording


def _curves(
    first: RecordedRun, second: RecordedRun, missing: list[str | MissingFileError]
) -> list[tuple[str, str, alt.TopLevelMixin]]:
    """Both runs' curves over each other; what can't be read is added to `missing`."""
    charts: list[tuple[str, str, alt.TopLevelMixin]] = []
    for path, (x, columns) in CURVES.items():
        try:
            tables = [run.csv(path).assign(run=name) for run, name in ((first, "A"), (second, "B"))]
        except MissingFileError as error:
            missing.append(error)
            continue
        table = pd.concat(tables)
        charts += [(title, path, _lines(table, x, column)) for column, title in columns.items()]
    return charts


def _lines(table: pd.DataFrame, x: str, column: str) -> alt.Chart:
    """`column` of both runs over `x`: time, or a probability."""
    is_time = x == "timestamp"
    runs = alt.Scale(domain=["A", "B"], range=[BAD, MODEL])
    beside = alt.Axis(format=".1%" if column == "drawdown" else ".0%" if column == "observed" else ",.0f")
    dashes = alt.Scale(domain=["A", "B"], range=[[5, 3], [1, 0]])
    chart: alt.Chart = (
        alt.Chart(table[[x, column, "run"]])
        .mark_line(point=not is_time, strokeWidth=1.6)
        .encode(
            alt.X(f"{x}:{'T' if is_time else 'Q'}", title=None),
            alt.Y(f"{column}:Q", title=None, scale=alt.Scale(zero=False), axis=beside),
            alt.Color("run:N", scale=runs, title=None),
            alt.StrokeDash("run:N", scale=dashes, title=None),
        )
        .properties(width="container", height=HEIGHT)
    )
    return chart


def _by_key(metrics: Metrics) -> dict[str, Any]:
    return {f"{file}.{key}": value for file, values in metrics.items() for key, value in values.items()}
