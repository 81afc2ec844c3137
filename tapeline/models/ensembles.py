"""The ensembles that can be released: models of one label that know different things of it."""

from tapeline.models.baselines import BASELINES
from tapeline.models.entry import EnsembleEntry
from tapeline.models.lstm import LSTM
from tapeline.schema import DIRECTION

ENSEMBLES = (
    # Of trend strength there is none: on real candles a mean with the Transformer was not better than the
    # best baseline alone.
    EnsembleEntry(
        name="ensemble_direction",
        title="mean of LSTM and best baseline",
        label=DIRECTION,
        artifact="ensemble-direction",
        metrics=("ensemble_direction",),
        members=(LSTM, next(each for each in BASELINES if each.label == DIRECTION)),
    ),
)
