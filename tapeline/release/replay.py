"""The packed bundles, fed the run's raw candles one at a time as production would, against what was judged.

Only real candles are fed, leader and followers interleaved in time; what serving answers is held against the
stored predictions that the run scored and traded, and the candidate's own account is traded once more. Tables
of the same candles, and a leader that comes late, must be answered alike.
"""

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from tapeline.errors import ArtifactError
from tapeline.models.table import ARTIFACTS, TRADED, models_of
from tapeline.params import Params
from tapeline.promotion.release_record import Replay
from tapeline.release.replay_feed import Feed
from tapeline.release.replay_late import require_same_late
from tapeline.release.replay_stretches import choose_stretches, in_any
from tapeline.release.replay_together import require_same_together
from tapeline.release.replayed_account import replay_account, require_thresholds
from tapeline.release.replayed_answers import TOLERANCE
from tapeline.schema import DIRECTION, ROW_KEYS, ReplayCandles
from tapeline.serving.answers import PREDICTED
from tapeline.splits.candidate import Candidate
from tapeline.trading.params import TradingParams

SECONDS = 2e-3  # that a candle takes, about
CANDLES, PREDICTIONS = "data/candles", "data/predictions"


def replay(folder: Path, candidate: Candidate, params: Params, tell: Callable[[str], None]) -> Replay:
    """Replay the bundles in `folder` on the rows that measure them; ArtifactError names the first difference.

    A refitted model has no test: replayed are the rows that it was validated on, and there is no account.
    `tell` is called with the cost before it is paid.
    """
    feed = Feed([folder / artifact for artifact in ARTIFACTS], CANDLES)
    trading = TradingParams.read(params)
    validations = {
        model.artifact: pd.read_parquet(f"{PREDICTIONS}/{model.name}_validation.parquet")
        for model in models_of(DIRECTION)
    }
    ranges = require_thresholds(feed.contracts, validations, candidate.fold, trading.signals)
    traded = TRADED[0].artifact
    suffix = "_validation" if candidate.is_refit else ""
    stored = {
        artifact: read_stored(f"{PREDICTIONS}/{model.name}{suffix}.parquet", candidate.fold, feed.candles)
        for artifact, model in ARTIFACTS.items()
    }
    every = pd.concat(stored.values()).drop_duplicates(ROW_KEYS)
    limit = params.value("promotion.replay_candles", ReplayCandles)
    stretches = choose_stretches(every, limit, 2 * feed.length, feed.warm_up, feed.step)
    n_rows = int(in_any(stretches, every["timestamp"]).sum())
    part = f"{'validation' if candidate.is_refit else 'test'} of {candidate.model}"
    of = f"{n_rows:,}" if n_rows == len(every) else f"{n_rows:,} of {len(every):,}"
    tell(f"replay: {of} candles, {part}, fed one by one to what was packed: about {n_rows * SECONDS:.0f} s")
    answers = feed.answers(stretches, f"replaying the {part}", n_rows)
    served = {
        artifact: add_answers(artifact, table[in_any(stretches, table["timestamp"])], answers)
        for artifact, table in stored.items()
    }
    largest = max(require_equal(artifact, table) for artifact, table in served.items())
    if not candidate.is_refit:  # of a validation only the rows with a label are stored
        for artifact, table in stored.items():
            require_judged(artifact, table, answers)
    n_together = require_same_together(feed, stretches, answers)
    n_late = require_same_late(feed, stretches, answers)
    n_trades, n_borderline = replay_account(
        stored, served, validations[traded], ranges[traded], candidate, trading
    )
    return Replay(
        part=part, candles=n_rows, of=len(every), largest_difference=largest,
        borderline=n_borderline, trades=n_trades, together=n_together, late=n_late,
    )  # fmt: skip


def read_stored(path: str, fold: int, candles: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Stored predictions of `fold` at real candles; `is_after_gap` where the candle before was not one.

    A filled candle never arrives, is not scored and decides no trade: predictions there are left out.
    """
    table = pd.read_parquet(path)
    table = table[table["fold"] == fold].astype({"symbol": str})
    marked = [
        pd.DataFrame(
            {
                "symbol": symbol,
                "timestamp": each["timestamp"],
                "is_filled": each["is_filled"],
                "is_after_gap": each["is_filled"].shift(fill_value=False) | (each["segment"].diff() != 0),
            }
        )
        for symbol, each in candles.items()
    ]
    merged = table.merge(pd.concat(marked), on=ROW_KEYS, how="left", validate="one_to_one")
    if merged["is_filled"].isna().any():
        row = merged[merged["is_filled"].isna()].iloc[0]
        raise ArtifactError(f"{path}: {row['symbol']} {row['timestamp']} is no candle of {CANDLES}")
    return merged[~merged["is_filled"].astype(bool)].reset_index(drop=True)


def add_answers(artifact: str, stored: pd.DataFrame, answers: pd.DataFrame) -> pd.DataFrame:
    """Add `status`, `reason`, `served` and `served_tier`: what the bundle `artifact` answered to each row."""
    columns = {artifact: "served", f"{artifact} tier": "served_tier"}
    own = answers[[*ROW_KEYS, "status", "reason", *columns]].rename(columns=columns)
    merged = stored.merge(own, on=ROW_KEYS, how="left", validate="one_to_one")
    return merged.fillna({"status": "nothing", "reason": ""})


def require_equal(artifact: str, rows: pd.DataFrame) -> float:
    """Largest difference of what was served; ArtifactError names the first row that differs or is refused."""
    difference = (rows["served"] - rows["prediction"]).abs()
    is_refused = rows["status"] != PREDICTED
    for is_bad, what in (
        (is_refused, "{status} ({reason})"),
        (~(difference <= TOLERANCE), "{served:.8g}"),
    ):
        if is_bad.any():
            row = rows[is_bad].iloc[0]
            more = f", as at {is_bad.sum() - 1:,} more of {len(rows):,}" if is_bad.sum() > 1 else ""
            at = f"{row['symbol']} {row['timestamp']}"
            raise ArtifactError(
                f"{artifact}: the run predicted {row['prediction']:.8g} at {at}, "
                f"and the bundle answers {what.format(**row)}{more}"
            )
    return float(difference.max()) if len(rows) else 0.0


def require_judged(artifact: str, stored: pd.DataFrame, answers: pd.DataFrame) -> None:
    """ArtifactError names the first candle that the bundle answers and the run did not predict.

    What is answered there has no figure: its window has a gap, say, and was left out of what was judged.
    """
    given = answers.loc[answers[artifact].notna(), [*ROW_KEYS, artifact]]
    merged = given.merge(stored[ROW_KEYS], on=ROW_KEYS, how="left", indicator="found")
    unjudged = merged[merged["found"] == "left_only"]
    if len(unjudged):
        row = unjudged.iloc[0]
        more = f", and at {len(unjudged) - 1:,} more" if len(unjudged) > 1 else ""
        raise ArtifactError(
            f"{artifact}: the bundle answers {row[artifact]:.8g} at {row['symbol']} {row['timestamp']}, "
            f"where the run predicted nothing{more}: what it says there was never judged"
        )
