"""The documents of a bundle: its contract, its model, its figures."""

from pydantic import JsonValue

from tapeline.documents import Document, Figure
from tapeline.promotion.versions import fingerprint

Span = dict[str, tuple[str, str]]  # by part of a fold, open times of its first and last row


FileMetrics = dict[str, dict[str, Figure]]  # by NAME of metrics/NAME.json
OwnFigures = dict[str, str | dict[str, Figure]]  # `model` and `figures_of` that are offered, then by file


class SymbolOrigin(Document):
    """Where the candles of one symbol are from."""

    market: str
    files: int
    first: str
    last: str


class Origin(Document):
    """Where candles are from, as ingest writes it beside them."""

    name: str
    source: str  # files or simulated
    interval: str | None = None
    max_fill: int | None = None
    symbols: dict[str, SymbolOrigin] | None = None
    simulation: dict[str, JsonValue] | None = None  # params of the simulation
    description: str = ""


class Input(Document):
    """Candles that a consumer must feed."""

    columns: tuple[str, ...]
    interval: str
    leader: str | None
    symbols: tuple[str, ...]  # trained on
    max_fill: int
    max_filled_share: float


class Label(Document):
    """What is predicted, `horizon` candles ahead."""

    name: str
    horizon: int


class Output(Document):
    """The number that comes out; `meaning` is a sentence for people."""

    name: str
    meaning: str
    low: float
    high: float


class Tiers(Document):
    """Ranges of confidence, the most confident first, and which of them trade."""

    tiers: dict[str, tuple[float, float]]
    trade_tiers: tuple[str, ...]
    tier_by: str | None = None
    expected_coverage: dict[str, float | None] | None = None


class Contract(Document):
    """contract.json: what goes in, what comes out, and what it means.

    lookback : candles that the features of one row reach back; sequence_length : rows of one prediction
    market : None in bundles of former code, which did not record it
    tiers : of a direction alone; minimum : of a strength, that entries need
    """

    artifact: str
    input: Input
    lookback: int
    sequence_length: int
    label: Label
    market: Origin | None = None
    output: Output
    minimum: float | None = None
    tiers: Tiers | None = None

    @property
    def fingerprint(self) -> str:
        """Hash of all that a consumer depends on, prose left out: a change of it is a major version."""
        inputs = self.input.model_dump(mode="json", include={"columns", "interval", "leader"})
        output = self.output.model_dump(mode="json", exclude={"meaning"})
        return fingerprint({"input": inputs, "label": self.label.plain(), "output": output})


class Scaling(Document):
    """Mean and standard deviation of each feature, in the order of the features."""

    mean: tuple[float, ...]
    std: tuple[float, ...]


class ModelDescription(Document):
    """model.json, the part that predicting reads; a training writes more.

    context : `sequence_length`, the candles of one prediction, and others; made_from : hashes of its
    candles (`data`), of what its features mean (`features`) and of the code
    """

    network: str
    context: dict[str, int]
    features: tuple[str, ...]
    label: str
    horizon: int
    interval: str
    span: Span
    made_from: dict[str, str]
    scaler: Scaling


class BundleFigures(Document):
    """metrics.json: the metrics files of the model, and the figures of the offered model alone."""

    refit: bool
    folds: dict[str, Span]
    candidate: OwnFigures
    metrics: FileMetrics
