"""The pages' figures read as a person would write them."""

import altair as alt
import pandas as pd
import pytest

from tapeline.reports.pages import embed, figure, svg


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (True, "yes"),
        (0.123456, "0.1235"),
        (51840, "51,840"),
        (1234567.8, "1,234,568"),
        (0, "0"),
        ("2024-01-01", "2024-01-01"),
        ([1.5, None], "1.5, –"),
        ({"stop_out": 2, "time": 3}, "stop out 2, time 3"),
    ],
)
def test_a_figure_reads_well(value, text):
    """Four significant digits, thousands apart, a dash where there is none."""
    assert figure(value) == text


def test_charts_are_drawn_where_they_stand_and_end_no_script():
    """A place each, in order; a closing tag in the data stays inside its string."""
    table = pd.DataFrame({"x": ["</script><b>"], "y": [1]})
    chart = alt.Chart(table).mark_bar().encode(x="x", y="y")
    places, scripts = embed({"one": [("First", "a.csv", chart)], "two": [("Second", "b.csv", chart)]})
    assert places["two"] == [{"id": "chart-1", "title": "Second", "file": "b.csv"}]
    assert scripts.count("</script>") == 1
    assert scripts.endswith("</script>")


@pytest.mark.parametrize(
    "text", ["<!--<script>", "</script ><script>alert(1)//", "<img src=x onerror=alert(1)>"]
)
def test_what_others_wrote_is_text_wherever_it_is_drawn(text):
    """In the data of the scripts, and in a chart's SVG."""
    table = pd.DataFrame({"x": [text], "y": [1]})
    chart = alt.Chart(table).mark_bar().encode(x="x", y="y").properties(title=text)
    _, scripts = embed({text: [(text, text, chart)]})
    _, whole = embed({})
    assert "<" not in scripts.removeprefix(whole.partition("for (const")[0]).removesuffix("</script>")
    assert text not in svg(chart)
