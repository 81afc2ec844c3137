"""A run's record is taken only while its verdicts are those of the params and metrics beside it."""

import json

import pytest

from tapeline.errors import ArtifactError
from tapeline.release.recorded import read_run, read_workspace_file

PARAMS = """\
ftmo: {program: PROGRAM}
gates:
  lstm-direction: {lstm.accuracy_all: {min: 0.5}, ftmo.profit: {min: 0}, release.deflated_sharpe: {min: 0.9}}
"""
METRICS = {"lstm": {"accuracy_all": 0.625}, "ftmo": {"profit": 0.25}}
RECORDED = "metrics/detail/promotion.json"


def verdict(gate, value, limit, status="passed", **changes):
    """On the LSTM, as the pipeline writes it."""
    reason = f"{value:g} is {'' if status == 'passed' else 'not '}{limit}"
    return {
        "artifact": "lstm-direction", "gate": gate, "value": value, "limit": limit, "margin": 0.125,
        "status": status, "reason": reason,
    } | changes  # fmt: skip


ACC = "lstm.accuracy_all"
ACCURACY = verdict(ACC, 0.625, ">= 0.5")
PROFIT = verdict("ftmo.profit", 0.25, ">= 0")


def files(gates=(ACCURACY, PROFIT), program="2-step", **metrics):
    """Function that reads a run's files by their path."""
    content = {
        RECORDED: json.dumps({"bundles": {}, "gates": list(gates)}),
        "params.yaml": PARAMS.replace("PROGRAM", program),
    }
    for name in ("lstm", "transformer", "backtest", "ftmo", "promotion"):
        content[f"metrics/{name}.json"] = json.dumps(metrics.get(name, METRICS.get(name, {})))
    return content.__getitem__


def refusal(read):
    """The one line that reading ends in."""
    with pytest.raises(ArtifactError) as caught:
        read_run(read)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_record_that_its_metrics_and_params_give_again_is_read():
    """Whatever digits of its margin were written; a gate of the release alone is not the pipeline's."""
    run = read_run(files())
    assert [gate.gate for gate in run.gates] == ["lstm.accuracy_all", "ftmo.profit"]
    assert run.gates[0].margin == 0.125
    assert read_run(files(gates=[ACCURACY | {"margin": 0.12}, PROFIT])).gates[0].margin == 0.12


IS, OTHER_VALUE, OTHER_LIMIT = "0.625 is >= 0.5", "0.75 is >= 0.5", "0.625 is not >= 0.7"


@pytest.mark.parametrize(
    ("gates", "name", "was", "now"),
    [
        ([ACCURACY], "ftmo.profit", "no gate", "0.25 is >= 0"),
        ([verdict(ACC, 0.75, ">= 0.5"), PROFIT], ACC, OTHER_VALUE, IS),
        ([verdict(ACC, 0.625, ">= 0.7", "failed"), PROFIT], ACC, OTHER_LIMIT, IS),
        ([ACCURACY, PROFIT, verdict("lstm.ece", 0.5, "<= 1")], "lstm.ece", "0.5 is <= 1", "no gate"),
        ([], ACC, "no gate", IS),
    ],
)
def test_a_verdict_of_other_params_or_metrics_is_named_with_both_reasons(gates, name, was, now):
    """A gate too few, another value, another limit, one too many, none at all."""
    assert refusal(files(gates=gates)) == (
        f"{RECORDED}: {name} of lstm-direction: {was}, "
        f"and params.yaml with metrics/ say: {now}; run `dvc repro`"
    )


def test_the_status_counts_and_not_only_the_words():
    """A verdict turned by hand."""
    assert refusal(files(gates=[ACCURACY | {"status": "failed"}, PROFIT]))


def test_ftmos_gates_are_not_judged_where_no_program_is():
    """A record made under a program is then another's."""
    assert "ftmo.profit of lstm-direction" in refusal(files(program="none"))
    left_out = PROFIT | {"value": None, "status": "not_judged", "reason": "ftmo.program is none"}
    assert len(read_run(files(gates=[ACCURACY, left_out], program="none")).gates) == 2


def test_a_metric_that_is_null_or_missing_is_a_verdict_too():
    """Of null: not defined; of one that the file lacks: so it says."""
    assert refusal(files(lstm={"accuracy_all": None})).endswith(
        "say: not defined on these candles; run `dvc repro`"
    )
    assert "say: metrics/lstm.json has no accuracy_all" in refusal(files(lstm={}))


def test_what_cannot_be_parsed_is_named():
    """The record, the metrics."""
    assert refusal(lambda path: "{").startswith(f"{RECORDED}: can't be read: ")
    read = files()
    message = refusal(lambda path: "[1," if path == "metrics/ftmo.json" else read(path))
    assert message.startswith("metrics/ftmo.json: can't be read: ")


def test_a_file_of_the_workspace_that_is_not_there_is_named(tmp_path):
    """With what to do; one that is there is read as UTF-8."""
    path = tmp_path / "ü.json"
    with pytest.raises(ArtifactError) as caught:
        read_workspace_file(str(path))
    assert str(caught.value) == f"{path}: can't be read (No such file or directory); run `dvc repro`"
    path.write_bytes("ΕΘ".encode())
    assert read_workspace_file(str(path)) == "ΕΘ"
