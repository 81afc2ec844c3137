"""What the promoted models do live, held against what they promised: the state, its reasons, the figures."""

import argparse
import sys
from pathlib import Path

from tapeline.ending import run_command
from tapeline.errors import printable
from tapeline.evaluation.live import LiveParams
from tapeline.evaluation.promise import AT_LEAST
from tapeline.live.figures import STOP
from tapeline.live.state import State, counted, read_state
from tapeline.params import Params

STOPPED = 3  # exit status of STRICT=1 where the state is stop


def main() -> None:
    """Print the state of the live folder; STRICT=1 makes a stop an error."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", default="")
    parser.add_argument("--models", default="")
    parser.add_argument("--strict", default="")
    chosen = parser.parse_args()
    params = Params.read().section("live", LiveParams)
    state, *_ = read_state(Path(chosen.folder or "live"), Path(chosen.models or "models/promoted"), params)
    for line in described(state):
        print(printable(line))
    if state.state == STOP and chosen.strict == "1":
        sys.exit(STOPPED)


def described(state: State) -> list[str]:
    """The state as lines for people."""
    first, last = state.span or (None, None)
    lines = [f"{state.state}: {first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} UTC, " + counted(state)]
    lines += [f"  {reason}" for reason in state.reasons]
    for each in state.lines:
        now = (
            "not known yet" if each.rolling is None else f"{each.rolling:,.4g} over {each.moments:,} moments"
        )
        bound = (
            "no bound"
            if each.bound is None
            else (f"{'at least' if each.name in AT_LEAST else 'at most'} {each.bound:,.4g}")
        )
        evidence = (
            "" if each.bound is None else f"; evidence against it {each.evidence:,.2g} of {each.needed:,.0f}"
        )
        name, promised = each.name.replace("_", " "), f"promised {each.promised:,.4g}, {bound}"
        lines.append(f"{each.artifact} {name}: {now}; {promised}{evidence}")
    for artifact, days in state.delay_days.items():
        if days is not None:
            lines.append(
                f"{artifact}: an accuracy that falls by five points stops it within {days:.1f} days (median)"
            )
    if state.account:
        account = state.account
        lines.append(
            f"account since {account['begun']:%Y-%m-%d %H:%M}: {account['trades']:,} trades, net "
            f"{account['net_pnl']:,.2f}, equity {account['equity']:,.2f}, {account['open']} positions open"
        )
    if state.latency_ms:
        half, most, nearly = state.latency_ms
        lines.append(
            f"from close to answer: 50 % within {half:,.0f} ms, 95 % {most:,.0f}, 99 % {nearly:,.0f}"
        )
    return lines


if __name__ == "__main__":
    run_command(main)
