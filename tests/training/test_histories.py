"""What is told of the course of losses, and a course that it is told of."""

from hypothesis import given
from hypothesis import strategies as st

from tapeline.training.histories import history_of, told_in_a_line, told_of


def epoch(number, training, validation, member=0):
    """A record of one epoch."""
    return {"epoch": number, "training_loss": training, "validation_loss": validation, "member": member}


def test_the_epoch_of_the_least_validation_loss_is_told():
    """The first of equals, as a training keeps it; of several members each in the order of their seeds."""
    one = [epoch(1, 0.9, 0.7), epoch(2, 0.8, 0.6), epoch(3, 0.7, 0.6)]
    assert told_of(one) == {"epochs": 3, "best_epoch": 2, "training_loss": 0.8}
    assert told_of([*one, epoch(1, 0.5, 0.9, member=1)]) == {
        "epochs": [3, 1], "best_epoch": [2, 1], "training_loss": [0.8, 0.5],
    }  # fmt: skip


members = st.lists(
    st.integers(1, 5).flatmap(
        lambda n: st.tuples(st.just(n), st.integers(1, n), st.floats(0, 5, allow_nan=False))
    ),
    min_size=1,
    max_size=4,
)


@given(members)
def test_a_history_made_of_a_summary_tells_the_same(of_members):
    """Whatever the members, and however many."""
    told = dict(
        zip(("epochs", "best_epoch", "training_loss"), map(list, zip(*of_members, strict=True)), strict=True)
    )
    if len(of_members) == 1:
        told = {name: values[0] for name, values in told.items()}
    assert told_of(history_of(told | {"has_skill": 1})) == told


def test_a_fold_is_told_in_a_line():
    """Rounded; of several members each epoch; without an interval nothing stands in its place."""
    summary = {
        "epochs": 12, "best_epoch": 10, "validation_loss": 0.58969, "skill": 0.10159, "skill_low": 0.0242,
        "skill_high": 0.179, "training_labels": 266161, "effective_labels": 17793.87,
    }  # fmt: skip
    assert told_in_a_line(summary) == (
        "best after epoch 10 of 12, log loss on validation 0.5897, 0.102 "
        "[0.024, 0.179] less than a constant's; learned from 266,161 labels, worth 17,794 apart"
    )
    several = summary | {"epochs": [5, 6], "best_epoch": [3, 4], "skill_low": None, "skill_high": None}
    assert told_in_a_line(several).startswith("best after epoch 3, 4 of 5, 6, log loss")
    assert "0.102 less than a constant's; learned" in told_in_a_line(several)
