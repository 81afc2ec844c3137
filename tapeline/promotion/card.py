"""The model card: what a person should know before using a bundle."""

from typing import Any

from tapeline.promotion.contract import BundleFigures, Contract, Span

CARD = """# {artifact}

{meaning}, `horizon` being {horizon} candles of {interval}. A number from {low:g} to {high:g} for the close of
each candle, known at that close.

## Input

Candles of {interval}, open time first: {columns}. {context} consecutive ones are needed
before the first prediction: {lookback} for the features and {sequence_length} for the model. Gaps of up to
{max_fill} candles are filled flat; a longer one begins anew.{leader}

Trained on {symbols}. On other symbols nothing is known of it.

{market}

## Training

{spans}

{refit}

## Out of sample

Of the test parts of {n_folds} folds that walk forward in time, each predicted by a model that had not
seen it.

| file | metric | value |
|---|---|---|
{metrics}

Which gates it passed, and which could not be judged and why, stands in the tag of its release.

## Limits

Past markets say little about coming ones, least of all about other symbols, venues and costs. Figures of
money are of a simulated account with the costs in `params.json`. Intervals are of chance, not of change.
"""

REFIT = """Fitted again on candles up to the end, so it has no test of its own: the figures below, those that
begin with `candidate_` too, are of the folds before it."""
LAST_FOLD = """It is the model of the last fold: figures that begin with `candidate_` are of its own test,
with an account begun flat there; the others are of all folds."""


def model_card(
    contract: Contract,
    span: Span,
    settings: dict[str, Any],
    figures: BundleFigures,
    warning: str | None,
) -> str:
    """Return the card in Markdown; `settings` are the hyperparameters of the model.

    warning : on the model as its validation saw it, where there is something to be said
    """
    inputs, output = contract.input, contract.output
    leader = f" {inputs.leader} leads: its candles are needed, too." if inputs.leader else ""
    spans = [f"- {part}: {first} to {last}" for part, (first, last) in span.items() if part != "test"]
    spans += [f"- {name}: {value}" for name, value in settings.items()]
    spans += [f"- {warning}"] if warning else []
    table = [
        f"| {file} | {name} | {'not defined' if value is None else f'{value:.6g}'} |"
        for file, metrics in figures.metrics.items()
        for name, value in metrics.items()
    ]
    return CARD.format(
        artifact=contract.artifact,
        meaning=f"{output.name.replace('_', ' ').capitalize()} {output.meaning}",
        horizon=contract.label.horizon,
        interval=inputs.interval,
        low=output.low,
        high=output.high,
        columns=", ".join(inputs.columns),
        context=contract.lookback - 1 + contract.sequence_length,
        lookback=contract.lookback,
        sequence_length=contract.sequence_length,
        max_fill=inputs.max_fill,
        leader=leader,
        symbols=", ".join(inputs.symbols),
        market=contract.market.description if contract.market else "",
        spans="\n".join(spans),
        refit=REFIT if figures.refit else LAST_FOLD,
        n_folds=len(figures.folds),
        metrics="\n".join(table),
    )
