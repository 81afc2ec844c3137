"""Spoilt input on every surface: a sample here, 100,000 of each and 10,000 params by `make torture`.

`python -m tests.fuzz.test_fuzz 100000 100000 1000000` prints what was tried, survived and went wrong.
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tapeline.serving.stream import Stream
from tests.commands.test_predict import lines_of
from tests.fuzz.harness import HEADER, READERS, fuzz_lines, fuzz_params, fuzz_reader, fuzz_tags, soak
from tests.serving.bundles import make_bundle, market

SAMPLE, MANY, MANY_PARAMS, SOAK = 60, 100_000, 10_000, 1_000_000
AMOUNTS = [SAMPLE, pytest.param(MANY, marks=pytest.mark.torture)]
PACKED = "feather", "csv.gz", "zip", "jsonl"  # beside formats that are read the same way
FORMATS = [pytest.param(each, marks=pytest.mark.slow) if each in PACKED else each for each in READERS]


@pytest.mark.parametrize("n", AMOUNTS)
@pytest.mark.parametrize("extension", FORMATS)
def test_no_spoilt_file_ends_in_a_traceback_or_is_read_in_silence(tmp_path, extension, n):
    """Read, refused in one line, or counted; within seconds."""
    assert fuzz_reader(extension, n, tmp_path).faults == []


@pytest.mark.parametrize("n", [10 * SAMPLE, pytest.param(MANY, marks=pytest.mark.torture)])
def test_every_spoilt_line_has_one_answer(bundles, n):
    """As JSON, with a reason where it is refused."""
    assert fuzz_lines(Stream(*bundles), list(lines_of(market(40), 40)), n).faults == []


@pytest.mark.parametrize("n", [10 * SAMPLE, pytest.param(MANY, marks=pytest.mark.torture)])
def test_no_message_of_a_tag_ends_in_a_traceback(n):
    """Nor its name."""
    assert fuzz_tags(n).faults == []


@pytest.mark.parametrize("n", [SAMPLE, pytest.param(MANY_PARAMS, marks=pytest.mark.torture)])
def test_no_params_end_in_a_traceback(n):
    """Every mistake is one short line."""
    assert fuzz_params(n).faults == []


@pytest.mark.parametrize("n", [4_000, pytest.param(SOAK, marks=pytest.mark.torture)])
def test_memory_is_flat_however_many_candles_come(bundles, n):
    """From the first tenth, which holds all warm-up, to the last."""
    sizes = [size for _, size, _ in soak(Stream(*bundles), n)]
    assert sizes[-1] - sizes[0] < 8 * 1024


def main(n_files: int, n: int, n_soak: int) -> None:
    """Print a line a surface: `n_files` of each format, `n` lines and tags, a tenth of params; the soak's."""
    print(HEADER)
    with TemporaryDirectory() as folder:
        bundle, files = make_bundle(Path(folder) / "bundles", "lstm"), Path(folder) / "files"
        files.mkdir()
        works = [lambda extension=extension: fuzz_reader(extension, n_files, files) for extension in READERS]
        works.append(lambda: fuzz_lines(Stream(bundle), list(lines_of(market(40), 40)), n))
        works += [lambda: fuzz_tags(n), lambda: fuzz_params(n // 10)]
        for work in works:
            tally = work()
            print(tally, *tally.faults[:5], sep="\n  ", flush=True)
        for count, size, seconds in soak(Stream(bundle), n_soak):
            print(
                f"soak {count:9,} candles, {size:,} KiB, {seconds / count * 1e3:.2f} ms a candle", flush=True
            )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
