"""What a training's summary says of the course of its losses, and a course that says the same."""

from collections.abc import Mapping
from typing import Any

from tapeline.nets.folds import by_member
from tapeline.nets.trainer import Epoch

Told = dict[str, Any]


def told_of(history: list[Epoch]) -> Told:
    """Epochs trained, which of them was kept, and its training loss.

    Of several members each is a list, in order of their seeds: they stop on their own.
    """
    of_members = [_told_of_one(epochs) for epochs in by_member(history)]
    if len(of_members) == 1:
        return of_members[0]
    return {name: [told[name] for told in of_members] for name in of_members[0]}


def _told_of_one(epochs: list[Epoch]) -> Told:
    best = min(epochs, key=lambda epoch: epoch["validation_loss"])
    return {"epochs": len(epochs), "best_epoch": best["epoch"], "training_loss": best["training_loss"]}


def history_of(told: Told) -> list[Epoch]:
    """A history of which `told_of` says what `told`, a summary, does."""
    names = ("epochs", "best_epoch", "training_loss")
    lists = [told[name] if isinstance(told[name], list) else [told[name]] for name in names]
    history: list[Epoch] = []
    for member, (epochs, best, loss) in enumerate(zip(*lists, strict=True)):
        kept = {"epoch": best, "training_loss": loss, "validation_loss": 0.0, "member": member}
        other = {"epoch": 0, "training_loss": 0.0, "validation_loss": 1.0, "member": member}
        history += [kept, *[other] * (epochs - 1)]
    return history


def told_in_a_line(summary: Mapping[str, Any]) -> str:
    """A fold's summary in a line of the log."""
    low, high = summary["skill_low"], summary["skill_high"]
    interval = "" if low is None else f" [{low:.3f}, {high:.3f}]"
    return (
        f"best after epoch {_each(summary['best_epoch'])} of {_each(summary['epochs'])}, log loss on "
        f"validation {summary['validation_loss']:.4f}, {summary['skill']:.3f}{interval} less than a "
        f"constant's; learned from {summary['training_labels']:,} labels, "
        f"worth {summary['effective_labels']:,.0f} apart"
    )


def _each(value: int | list[int]) -> str:
    return ", ".join(map(str, value if isinstance(value, list) else [value]))
