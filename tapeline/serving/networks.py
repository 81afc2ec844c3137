"""The networks of all bundles side by side: one scaled row for all, each asked once for many windows."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tapeline.nets.scaler import Scaler
from tapeline.serving.answers import Prediction
from tapeline.serving.predictor import Predictor

AT_ONCE = 16  # windows: what a network makes of them stays in the cache; numbers are the same for any


class Networks:
    """The networks of `predictors`, which take columns of one row of features called `names`."""

    def __init__(self, predictors: Sequence[Predictor], names: Sequence[str]) -> None:
        self._predictors = predictors
        at = {name: k for k, name in enumerate(names)}
        self._columns = np.array([at[name] for each in predictors for name in each.features])
        scalers = [each.scaler for each in predictors]
        self._scaler = Scaler(
            np.concatenate([each.mean for each in scalers]), np.concatenate([each.std for each in scalers])
        )
        ends = np.cumsum([len(each.features) for each in predictors]).tolist()
        self._own = [slice(end - len(p.features), end) for end, p in zip(ends, predictors, strict=True)]
        # Written anew by every call: room of this size would each time be asked of the system and given back.
        self._windows = [
            np.empty((AT_ONCE, each.sequence_length, len(each.features)), np.float32) for each in predictors
        ]

    def scale(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Rows (N, all columns) as `ask` takes them: each network's, scaled, one beside the other."""
        return self._scaler.transform(features[:, self._columns])

    def ask(self, windows: Sequence[NDArray[np.float32]]) -> list[dict[str, Prediction]]:
        """By artifact, what each network says of each window, rows as `scale` makes them."""
        predictions: list[dict[str, Prediction]] = [{} for _ in windows]
        for k in range(len(self._predictors)):
            predictor = self._predictors[k]
            for first in range(0, len(windows), AT_ONCE):
                values = self.values(k, windows[first : first + AT_ONCE])
                of_windows = predictions[first : first + AT_ONCE]
                for of_window, each in zip(of_windows, predictor.as_predictions(values), strict=True):
                    of_window[predictor.artifact] = each
        return predictions

    def values(self, number: int, windows: Sequence[NDArray[np.float32]]) -> NDArray[np.float64]:
        """What the network of that `number` says of each window, (B,), of which there are AT_ONCE at most."""
        predictor, own = self._predictors[number], self._own[number]
        taken = self._windows[number][: len(windows)]
        for k, window in enumerate(windows):
            taken[k] = window[-predictor.sequence_length :, own]
        return predictor.predict_windows(taken)
