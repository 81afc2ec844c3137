"""FTMO's judgement of an own account, and how likely it was to pass."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated, Any

import numpy as np
import pandas as pd
from pydantic import Field

from tapeline.backtest.ftmo import ChallengeParams, ProgramParams, judge_program
from tapeline.backtest.pass_probability import program_pass_probability, whole_days
from tapeline.library.accounts import Account
from tapeline.library.arguments import read_arguments
from tapeline.params import Section
from tapeline.schema import Seed

# Judging resamples nothing, but ChallengeParams requires these keys.
NOT_RESAMPLED = {"odds_days": 1, "odds_paths": 100, "odds_block": 1.0}


class ResampleArguments(Section):
    """How an account's days are resampled."""

    days: Annotated[int, Field(ge=1, le=3650)]
    paths: Annotated[int, Field(ge=100)]
    block: Annotated[float, Field(ge=1)]
    seed: Seed
    level: Annotated[float, Field(gt=0, lt=1)] | None


def judge_account(
    account: Account, program: Mapping[str, Any], *, is_touch_breach: bool = True
) -> pd.DataFrame:
    """Judge an account by FTMO's objectives: a row per phase that was reached, in order.

    program : `daily_loss`, `max_loss` (shares of the initial capital), `is_trailing`, `best_day` (share or
        None), `phases` (name -> `target`, share or None, and `minimum_days`), as under `ftmo.programs` of
        params.yaml
    is_touch_breach : equity equal to a floor counts as a breach

    Each phase begins on a fresh account on the day after the one before passed. Columns: `status` ("passed",
    "daily_loss", "max_loss", "open"), `start` and `end`, `daily_margin` and `max_margin` (least distance to
    the floors, account currency, negative below), `days`, `trading_days`, `profit`, `best_day_share`.
    """
    rules = read_arguments(ProgramParams, program, "program")
    params = read_arguments(ChallengeParams, {"is_touch_breach": is_touch_breach} | NOT_RESAMPLED)
    phases = judge_program(account.bars, account.worst, account.day, rules, params, account.initial_balance)
    rows = []
    for name, result in phases.items():
        figures = asdict(result)
        start, end = (account.timestamp[figures.pop(key)] for key in ("first_bar", "bar"))
        rows.append({"phase": name, "status": figures.pop("status"), "start": start, "end": end} | figures)
    return pd.DataFrame(rows).set_index("phase")


def pass_probability(
    account: Account,
    program: Mapping[str, Any],
    *,
    days: int,
    paths: int,
    block: float,
    seed: int,
    level: float | None = None,
    is_touch_breach: bool = True,
) -> pd.DataFrame:
    """How likely each phase with a target is passed, from `paths` challenges of resampled days.

    program, is_touch_breach : as for `judge_account`
    days : account days that a challenge may last; block : days, mean length of a block drawn together
    level : of an interval for `pass_probability` over which days could have been seen; None: no interval

    The days of the account are whole ones from midnight to midnight in Prague; of more than two the first
    and the last, which may be cut, are left out. Columns: `pass_probability`, `low`, `high`,
    `daily_loss_probability`, `max_loss_probability`, `unfinished_probability`, `median_days`. Source:
    stationary bootstrap, Politis and Romano 1994.
    """
    rules = read_arguments(ProgramParams, program, "program")
    drawn = read_arguments(
        ResampleArguments, {"days": days, "paths": paths, "block": block, "seed": seed, "level": level}
    )
    params = read_arguments(
        ChallengeParams,
        {
            "is_touch_breach": is_touch_breach, "odds_days": drawn.days, "odds_paths": drawn.paths,
            "odds_block": drawn.block,
        },
    )  # fmt: skip
    whole = whole_days(account.bars, account.worst, account.day)
    phases = program_pass_probability(
        [whole], rules, params, account.initial_balance, drawn.seed, drawn.level
    )
    rows = {
        name: {
            "pass_probability": phase.passed,
            "low": np.nan if phase.low is None else phase.low,
            "high": np.nan if phase.high is None else phase.high,
            "daily_loss_probability": phase.daily_loss,
            "max_loss_probability": phase.max_loss,
            "unfinished_probability": phase.unfinished,
            "median_days": np.nan if phase.days is None else phase.days[1],
        }
        for name, phase in phases.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("phase")
