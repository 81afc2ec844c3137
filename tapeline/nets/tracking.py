"""What a training records for people: live event files for TensorBoard, a history for `dvc plots`."""

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

import pandas as pd
from dvclive import Live
from torch.utils.tensorboard import SummaryWriter

from tapeline.nets.folds import by_member
from tapeline.nets.trainer import Epoch

NOT_FIGURES = {"epoch", "member"}


class EventFiles:
    """Open event files of one fold; epochs can be watched as they end. Outside the pipeline's contract."""

    def __init__(self, folder: Path, n_members: int, is_writing: bool) -> None:
        """Write to `folder`, of several members each, or nowhere: only one of several processes writes."""
        folders = member_folders(folder, n_members) if is_writing else []
        self._writers = [SummaryWriter(str(each)) for each in folders]

    def __enter__(self) -> "EventFiles":
        return self

    def write(self, epoch: Epoch) -> None:
        """Add an epoch's figures."""
        if self._writers:
            writer = self._writers[epoch["member"]]
            for name in sorted(epoch.keys() - NOT_FIGURES):
                writer.add_scalar(name, epoch[name], epoch["epoch"])
            writer.flush()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for writer in self._writers:
            writer.close()


def write_history(folder: Path, history: list[Epoch]) -> None:
    """Write one table per figure, by epoch, in DVCLive's layout; the same history gives the same bytes.

    Of several members, one after the other in `history`, each has a folder of its own.
    """
    members = by_member(history)
    for each, epochs in zip(member_folders(folder, len(members)), members, strict=True):
        with Live(str(each), dvcyaml=None, save_dvc_exp=False, report=None, monitor_system=False) as live:
            for epoch in epochs:
                live.step = epoch["epoch"]
                for name in sorted(epoch.keys() - NOT_FIGURES):
                    live.log_metric(name, epoch[name])


def losses_of(histories: Mapping[str, list[Epoch]]) -> pd.DataFrame:
    """Losses of every fold, member and epoch, one per row, for one plot: `epoch`, `curve`, `part`, `loss`.

    curve : the fold's name, of several members each its own
    """
    rows = []
    for fold, history in histories.items():
        members = by_member(history)
        for k, epochs in enumerate(members):
            curve = fold if len(members) == 1 else f"{fold}, member {k}"
            rows += [
                {"epoch": epoch["epoch"], "curve": curve, "part": name, "loss": epoch[name]}
                for name in ("training_loss", "validation_loss")
                for epoch in epochs
            ]
    return pd.DataFrame(rows, columns=["epoch", "curve", "part", "loss"])


def member_folders(folder: Path, n_members: int) -> list[Path]:
    """Where the figures of each member of an ensemble are; of a network alone, in `folder` itself."""
    return [folder] if n_members == 1 else [folder / f"member_{k}" for k in range(n_members)]
