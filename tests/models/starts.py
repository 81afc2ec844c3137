"""Bundles for a training to begin with: a stored model packed with changes, or one that holds no weights."""

import json
from pathlib import Path

from tapeline.nets.models import DESCRIPTION, WEIGHTS, content_version
from tapeline.promotion.bundle import pack

SPAN = {
    "train": ["2026-01-12T00:40:00+00:00", "2026-01-12T03:00:00+00:00"],
    "validation": ["2026-01-12T03:20:00+00:00", "2026-01-12T04:00:00+00:00"],
    "test": ["2026-01-12T04:30:00+00:00", "2026-01-12T06:00:00+00:00"],
}
RECORD = {
    "network": "lstm", "architecture": {"hidden": 4, "layers": 1, "dropout": 0.2, "bidirectional": False},
    "context": {"sequence_length": 12}, "features": ["one", "two"], "label": "direction", "horizon": 7,
    "interval": "1m", "training": {"seeds": 1}, "span": SPAN,
}  # fmt: skip


def pack_start(place, record, weights=b"weights", **changes):
    """Pack a bundle of a model's JSON, some of whose keys are changed, in place of one that is there."""
    for path in place.glob("*"):
        path.unlink()
    if place.exists():
        place.rmdir()
    place.parent.mkdir(parents=True, exist_ok=True)
    own = {key: value for key, value in (record | changes).items() if key != "version" and value is not None}
    text = json.dumps({"version": content_version(weights, own)} | own)
    return pack(place, {DESCRIPTION: text.encode(), WEIGHTS: weights}, {"data": "d"})


def pack_model(model, place, **changes):
    """Pack the stored model in the folder `model`, keys of its JSON changed; return the bundle's id."""
    record = json.loads((Path(model) / DESCRIPTION).read_text())
    return pack_start(place, record, (Path(model) / WEIGHTS).read_bytes(), **changes)
