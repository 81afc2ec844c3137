"""`make sweep` from params to page: what was asked for, its progress, and what is left of it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tqdm import tqdm

from tapeline.errors import ArgumentError
from tapeline.market.origin import read_origin
from tapeline.models.selected import CANDLES, market_name
from tapeline.models.swept import SweepParams
from tapeline.params import Params
from tapeline.sweeping.accounts import trade_all
from tapeline.sweeping.charts import configurations
from tapeline.sweeping.finalists import FINALISTS, look_closer, ranking, trade_plainly
from tapeline.sweeping.outcome import Outcome
from tapeline.sweeping.page import write_sweep_page
from tapeline.sweeping.plan import SweepPlan, plan_sweep
from tapeline.sweeping.predictions import INNER, TESTS, read_swept, require_run
from tapeline.sweeping.trials import count_trials, write_selection

Tell = Callable[[str], None]
TENTHS = 10  # lines of progress where there is no terminal


def read_on(on: str) -> str:
    """ON of the command line: `inner` where it is not given."""
    if on not in ("", INNER, TESTS):
        raise ArgumentError(f"ON is {on!r}: must be {INNER} or {TESTS}")
    return on or INNER


def run_sweep(params: Params, on: str, tell: Tell) -> list[str]:
    """Sweep, and leave page and table; return the lines to end with, the chosen one as a command the last."""
    plan = plan_sweep(params, params.section("sweep", SweepParams))
    require_run(on)
    for line in opening(plan, on):
        tell(line)
    # Counted before a figure is seen: who interrupts a sweep has looked at it.
    trials = count_trials(plan) if on == TESTS else plan.tried
    predictions = read_swept(params, plan, on, tell)
    market = predictions.market(plan.present)
    with progress(plan.tried, "configurations", tell) as on_done:
        figures = trade_all(plan, market, on_done)
    n_finalists = min(FINALISTS, len(plan.choices))
    with progress(n_finalists, "finalists", tell) as on_done:
        finalists = look_closer(
            plan, figures, lambda asked: predictions.plainly(market, asked), trials, on_done
        )
    worst = int(ranking(figures)[1][0])
    asked = plan.signals(plan.given(plan.conditions[worst]), plan.choices[0])
    present = trade_plainly(0, worst, predictions.plainly(market, asked), asked, trials)
    clock = market.inputs(plan.present).market.timestamp
    found = Outcome(
        plan, on, trials, (f"{clock[0]:%Y-%m-%d %H:%M}", f"{clock[-1]:%Y-%m-%d %H:%M}"),
        f"{predictions.first_test:%Y-%m-%d %H:%M}", present, finalists,
    )  # fmt: skip
    page = write_sweep_page(plan, found, configurations(plan, figures))
    if on == TESTS:
        left = "trials.jsonl (commit it: every clone must count them)"
    else:
        record = write_selection(found, market_name(read_origin(CANDLES)), clock[-1])
        left = f"{record} (commit it: a promotion reads it)"
    return [f"written: {page}, {left}", *found.lines]


def opening(plan: SweepPlan, on: str) -> list[str]:
    """What is swept on what, said before anything runs."""
    n_choices, n_conditions = len(plan.choices), len(plan.conditions)
    under = (
        f", each under {n_conditions} conditions of {', '.join(plan.given_keys)}" if plan.given_keys else ""
    )
    left_out, why = plan.left_out
    lines = [f"{n_choices} choice{'s' * (n_choices != 1)} of {', '.join(plan.keys) or 'params.yaml'}{under}"]
    if plan.sweep.mode == "random" and n_choices + left_out <= plan.sweep.draws:
        drawn = f"{plan.sweep.draws} draw{'s' * (plan.sweep.draws != 1)}"
        lines.append(f"of {drawn}: what was drawn before counts once")
    if left_out:
        lines.append(f"left out: {left_out} that can't be ({why})")
    if on == TESTS:
        lines.append(
            f"on the tests that a run reports: {plan.tried} more trials for good, counted in trials.jsonl"
        )
    return lines


@contextmanager
def progress(total: int, unit: str, tell: Tell) -> Iterator[Callable[[int], None]]:
    """Yield what is to hear how many more are done: a bar on a terminal, a line a tenth elsewhere."""
    with tqdm(total=total, desc=unit, unit="", disable=None, leave=False) as bar:
        done = 0

        def on_done(n: int) -> None:
            nonlocal done
            before, done = done, done + n
            bar.update(n)
            if bar.disable and before * TENTHS // total < done * TENTHS // total:
                tell(f"{done} of {total} {unit}")

        yield on_done
