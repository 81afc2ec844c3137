"""What tests of pages share."""

import json

import pytest
import vl_convert


@pytest.fixture(scope="session")
def pictures():
    """What was drawn, by chart."""
    return {}


@pytest.fixture
def drawn_once(pictures, monkeypatch):
    """A chart that is the same in page after page is drawn once: it takes longer than the rest of a page."""
    draw = vl_convert.vegalite_to_svg

    def draw_if_new(chart, *versions, **options):
        key = json.dumps([chart, versions, options], default=str)
        if key not in pictures:
            pictures[key] = draw(chart, *versions, **options)
        return pictures[key]

    monkeypatch.setattr(vl_convert, "vegalite_to_svg", draw_if_new)
    return pictures
