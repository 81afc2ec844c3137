"""What tests of pages share."""

import json

import pytest
import vl_convert
from altair.utils import schemapi


@pytest.fixture(scope="session")
def pictures():
    """What was drawn, by chart; None of what was found to be a chart."""
    return {}


@pytest.fixture
def drawn_once(pictures, monkeypatch):
    """A chart that is the same in page after page is checked and drawn once: that takes longer than a page.

    It is checked when it is whole, and not each of its parts before.
    """
    draw, check = vl_convert.vegalite_to_svg, schemapi.validate_jsonschema

    def draw_if_new(chart, *versions, **options):
        key = json.dumps([chart, versions, options], default=str)
        if key not in pictures:
            pictures[key] = draw(chart, *versions, **options)
        return pictures[key]

    def check_if_new(chart, schema, rootschema=None, **options):
        key = json.dumps([chart, schema], default=str)
        if options or key not in pictures:
            check(chart, schema, rootschema, **options)
            pictures[key] = None

    monkeypatch.setattr(vl_convert, "vegalite_to_svg", draw_if_new)
    monkeypatch.setattr(schemapi, "validate_jsonschema", check_if_new)
    monkeypatch.setattr(schemapi, "DEBUG_MODE", False)
    return pictures
