"""What a training records for people: live event files for TensorBoard, a history for `dvc plots`."""

from pathlib import Path
from types import TracebackType

from dvclive import Live
from torch.utils.tensorboard import SummaryWriter

from tapeline.nets.trainer import Epoch


class EventFile:
    """An open event file of one fold; epochs can be watched as they end. Outside the pipeline's contract."""

    def __init__(self, folder: Path, is_writing: bool) -> None:
        """Write to `folder`, or nowhere: only one of several processes writes."""
        self._writer = SummaryWriter(str(folder)) if is_writing else None

    def __enter__(self) -> "EventFile":
        return self

    def write(self, epoch: Epoch) -> None:
        """Add an epoch's figures."""
        if self._writer:
            for name in sorted(epoch.keys() - {"epoch"}):
                self._writer.add_scalar(name, epoch[name], epoch["epoch"])
            self._writer.flush()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._writer:
            self._writer.close()


def write_history(folder: Path, history: list[Epoch]) -> None:
    """Write one table per figure, by epoch, in DVCLive's layout; the same history gives the same bytes."""
    with Live(str(folder), dvcyaml=None, save_dvc_exp=False, report=None, monitor_system=False) as live:
        for epoch in history:
            live.step = epoch["epoch"]
            for name in sorted(epoch.keys() - {"epoch"}):
                live.log_metric(name, epoch[name])
