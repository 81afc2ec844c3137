"""What is in production, at work: loaded, fed under a lock, and taken over when a promotion changes it."""

import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from heapq import merge
from operator import itemgetter
from pathlib import Path
from threading import Lock
from typing import Any

from tapeline.ending import is_told_in_a_line, one_line
from tapeline.errors import ArtifactError
from tapeline.features.buffer import MICROSECONDS, capacity
from tapeline.features.declare import FloatArray
from tapeline.http.bodies import LONGEST_SYMBOL
from tapeline.http.figures import Figures
from tapeline.promotion.manifest import MANIFEST
from tapeline.schema import INTERVAL_MINUTES, OHLCV
from tapeline.serving.answers import REFUSED, Answer
from tapeline.serving.candles import CandleError, brief, show
from tapeline.serving.lines import INDEX, about_bundles, as_line, bundles, read_versions
from tapeline.serving.stream import Stream

CARD = "model_card.md"
MOST_SYMBOLS = 1000  # whose candles are kept: with ALLOW_UNTRAINED=1 a request may name any
PAUSE_S = 1.0  # between attempts to open bundles that can't be used
Tell = Callable[[str], None]
NameVersions = Callable[[Path], dict[str, str] | None]
Kept = deque[tuple[int, str, int, FloatArray]]  # arrival number, symbol, open in microseconds, (5,) values


class KeptStream(Stream):
    """A stream that keeps the candles its state is made of, so that another can go on from them."""

    def __init__(self, *folders: Path, **options: Any) -> None:
        super().__init__(*folders, **options)
        # Twice what this one needs: the next may look back further, and strays are among them.
        self._n_kept = 2 * capacity(self.lookback, self.length, self.max_fill)
        self._n_taken = 0
        self._kept: dict[str, Kept] = {}

    def _add_candle(self, symbol: str, candle: Mapping[str, Any]) -> tuple[int, int]:
        self.require_trained(symbol)
        if len(self._kept) >= MOST_SYMBOLS and symbol not in (*self._kept, *self.symbols):
            raise CandleError(f"{MOST_SYMBOLS} symbols are kept already: start anew without those of no use")
        try:
            added = super()._add_candle(symbol, candle)
        except CandleError:
            buffer = self._buffers.get(symbol)
            if buffer is None or not len(buffer):
                self._kept.pop(symbol, None)
            raise
        self._n_taken += 1
        kept = self._kept.setdefault(symbol, deque(maxlen=self._n_kept))
        buffer = self._buffers[symbol]
        kept.append((self._n_taken, symbol, int(buffer.time[-1]), buffer.rows[-1].copy()))
        return added

    def go_on_from(self, other: "KeptStream") -> None:
        """Take the candles that `other` has kept, in the order in which they came; nothing is answered."""
        for _, symbol, opened, values in merge(*other._kept.values(), key=itemgetter(0)):
            self._take(symbol, {"timestamp": show(opened), **dict(zip(OHLCV, values, strict=True))})

    def last_opens(self) -> dict[str, int]:
        """Open times of the last candles by symbol, microseconds."""
        return {symbol: int(buffer.time[-1]) for symbol, buffer in self._buffers.items() if len(buffer)}


@dataclass(frozen=True)
class Loaded:
    """Bundles that were verified and loaded; nothing of them is read from disk again.

    about : fields of every answer; cards : Markdown by artifact
    """

    stream: KeptStream
    about: dict[str, Any]
    cards: dict[str, str]

    @property
    def title(self) -> str:
        """Its bundles, each with version and id."""
        return ", ".join(
            f"{name} {about['version'] or 'of no version'} ({about['bundle_id']})"
            for name, about in self.about["bundles"].items()
        )


class Promoted:
    """The bundles in the folder `models`, fed one request at a time.

    Before each request it is looked whether a promotion, rollback or withdrawal has changed them. What has
    come is taken over with the candles so far, so that it answers at once what it would have answered had
    it been there all the time. While they can't be used nothing is answered: `reason` says why.

    name_versions : holds the folder against git's tags; versions by bundle's id, None without a repository
    tell : is given a line for each change
    """

    def __init__(self, models: Path, name_versions: NameVersions, figures: Figures, tell: Tell) -> None:
        """Load the bundles; TapelineError if they can't be used."""
        self._models, self._name_versions, self._figures, self._tell = models, name_versions, figures, tell
        self._lock, self._tried, self.reason = Lock(), 0.0, ""
        self._seen = look(models)
        self._loaded = load(models, name_versions)
        figures.note_bundles(self._loaded.about["bundles"], is_takeover=False)

    @property
    def title(self) -> str:
        """What was loaded last."""
        return self._loaded.title

    def answer(self, posted: Iterable[tuple[Any, Mapping[str, Any]]]) -> list[dict[str, Any]]:
        """Answers to candles, each with its symbol, as `make predict` writes them; or ArtifactError."""
        started = time.perf_counter()
        with self._lock:
            self._require_usable()
            stream, about = self._loaded.stream, self._loaded.about
            answers = [feed(stream, symbol, candle) for symbol, candle in posted]
        self._figures.note_answers(answers, time.perf_counter() - started)
        return [as_line(answer, about) for answer in answers]

    def health(self) -> dict[str, Any]:
        """Whether candles are answered or why not, by which bundles, and the last candle of each symbol."""
        with self._lock:
            self._take_over()
            last = {symbol: show(opened) for symbol, opened in self._loaded.stream.last_opens().items()}
            about = {} if self.reason else self._loaded.about
            fields = {"reason": self.reason} if self.reason else {}
            status = "failing" if self.reason else "ok"
            return {"status": status, **fields, **about, "last_candles": last}

    def card(self, name: str) -> str | None:
        """Model card of the bundle of that name; None where none is loaded or it has no card."""
        with self._lock:
            self._require_usable()
            return self._loaded.cards.get(name)

    def metrics(self) -> bytes:
        """All metrics as Prometheus reads them."""
        with self._lock:
            self._take_over()
            stream = self._loaded.stream
            length, now = INTERVAL_MINUTES[stream.interval] * MICROSECONDS, time.time()
            ages = {symbol: now - (at + length) / 1e6 for symbol, at in stream.last_opens().items()}
            return self._figures.text(ages, not self.reason)

    def _require_usable(self) -> None:
        self._take_over()
        if self.reason:
            raise ArtifactError(self.reason)

    def _take_over(self) -> None:
        """Load what has changed, if anything has; under the lock."""
        seen = look(self._models)
        if seen == self._seen and not self.reason:
            return
        if seen == self._seen and time.monotonic() < self._tried + PAUSE_S:
            return
        self._seen, self._tried = seen, time.monotonic()
        try:
            found = load(self._models, self._name_versions)
        except Exception as error:
            # Whatever went wrong, what was in production before must not answer any more.
            former_reason, self.reason = self.reason, one_line(error)
            if self.reason != former_reason:
                self._tell(f"nothing is answered: {self.reason}")
            if not is_told_in_a_line(error):
                raise
            return
        former, was_failing = self._loaded, bool(self.reason)
        self.reason = ""
        if found.about == former.about:
            if was_failing:
                self._tell(f"answering again: {former.title}")
            return
        if found.stream.interval == former.stream.interval:
            found.stream.go_on_from(former.stream)
        self._loaded = found
        self._figures.note_bundles(found.about["bundles"], is_takeover=True)
        self._tell(f"taken over: {found.title}; before: {former.title}")


def feed(stream: Stream, symbol: Any, candle: Mapping[str, Any]) -> Answer:
    """Answer a candle of `symbol`, which may be anything."""
    if isinstance(symbol, str) and 1 <= len(symbol) <= LONGEST_SYMBOL:
        return stream.feed(symbol, candle)
    wrong = "is missing" if symbol is None else f"is {brief(symbol)}"
    rule = f"must be 1 to {LONGEST_SYMBOL} characters, as BTC-USD"
    return Answer("", candle.get("timestamp"), REFUSED, f"symbol {wrong}: {rule}")


def load(models: Path, name_versions: NameVersions) -> Loaded:
    """Verify and load the bundles in `models`, as `make predict` does; TapelineError if that can't be."""
    versions = name_versions(models)
    folders = bundles(models)
    stream = KeptStream(
        *folders,
        allow_simulated=os.environ.get("ALLOW_SIMULATED") == "1",
        allow_untrained=os.environ.get("ALLOW_UNTRAINED") == "1",
    )
    if versions is None:
        versions = read_versions(folders[0].parent.parent / INDEX)
    cards = {
        predictor.artifact: (folder / CARD).read_text(encoding="utf-8")
        for predictor, folder in zip(stream.predictors, folders, strict=True)
        if (folder / CARD).is_file()
    }
    return Loaded(stream, about_bundles(stream, versions), cards)


def look(models: Path) -> tuple[tuple[str, int, int, int], ...]:
    """What changes with every promotion, rollback and withdrawal: the manifests and the index as they lie."""
    manifests = [models / MANIFEST, *sorted(models.glob(f"[!.]*/{MANIFEST}"))]
    seen = []
    for path in (*manifests, models.parent / INDEX):
        try:
            found = path.stat()
        except OSError:
            continue
        seen.append((str(path), found.st_ino, found.st_mtime_ns, found.st_size))
    return tuple(seen)
