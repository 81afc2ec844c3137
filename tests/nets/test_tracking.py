"""What is left to look at: tables for `dvc plots` that repeat, live event files that need not."""

import pandas as pd
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from tapeline.nets.tracking import EventFiles, losses_of, write_history

HISTORY = [
    {"epoch": 1, "training_loss": 0.7, "validation_loss": 0.69, "member": 0},
    {"epoch": 2, "training_loss": 0.6, "validation_loss": 0.65, "member": 0},
]
OF_ANOTHER = [{"epoch": 1, "training_loss": 0.9, "validation_loss": 0.8, "member": 1}]


def test_the_same_history_is_the_same_bytes(tmp_path, monkeypatch):
    """One table a figure with the epoch as step; nothing of time or place in any file."""
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b"):
        write_history(tmp_path / name, HISTORY)
    files = sorted(path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*") if path.is_file())
    assert files
    for file in files:
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
    table = pd.read_csv(tmp_path / "a/plots/metrics/validation_loss.tsv", sep="\t")
    assert table.to_dict("list") == {"step": [1, 2], "validation_loss": [0.69, 0.65]}


def test_an_epoch_can_be_seen_while_training_runs(tmp_path):
    """After each epoch the event file holds it; a process that does not write leaves nothing."""
    with (
        EventFiles(tmp_path / "one", 1, is_writing=True) as events,
        EventFiles(tmp_path / "other", 2, False) as silent,
    ):
        for epoch in HISTORY:
            events.write(epoch)
            silent.write(epoch)
            seen = EventAccumulator(str(tmp_path / "one")).Reload().Scalars("training_loss")
            assert [event.step for event in seen] == list(range(1, epoch["epoch"] + 1))
    assert not (tmp_path / "other").exists()


def test_every_member_is_there_by_itself(tmp_path):
    """In a folder of its own, by its own epochs, among tables and live; a network alone has none."""
    write_history(tmp_path / "tables", HISTORY + OF_ANOTHER)
    with EventFiles(tmp_path / "live", 2, is_writing=True) as events:
        for epoch in HISTORY + OF_ANOTHER:
            events.write(epoch)
    for name, losses in (("member_0", [0.7, 0.6]), ("member_1", [0.9])):
        table = pd.read_csv(tmp_path / f"tables/{name}/plots/metrics/training_loss.tsv", sep="\t")
        assert table.to_dict("list") == {"step": list(range(1, len(losses) + 1)), "training_loss": losses}
        seen = EventAccumulator(str(tmp_path / "live" / name)).Reload().Scalars("training_loss")
        assert [(event.step, round(event.value, 6)) for event in seen] == list(enumerate(losses, 1))
    assert sorted(path.name for path in (tmp_path / "tables").iterdir()) == ["member_0", "member_1"]


def test_losses_of_all_folds_and_members_lie_in_one_table():
    """A curve a fold, of several members each its own; what is no loss is left out."""
    table = losses_of({"fold_0": HISTORY, "fold_1": HISTORY + OF_ANOTHER})
    curves = table.groupby(["curve", "part"])["loss"].agg(list).to_dict()
    assert curves["fold_0", "training_loss"] == curves["fold_1, member 0", "training_loss"] == [0.7, 0.6]
    assert curves["fold_1, member 1", "validation_loss"] == [0.8]
    assert set(table["part"]) == {"training_loss", "validation_loss"}
    assert table.loc[table["curve"] == "fold_0", "epoch"].tolist() == [1, 2, 1, 2]
