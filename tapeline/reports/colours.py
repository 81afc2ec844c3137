"""Colours of charts: each at least 3:1 on the page's white and on its dark ground; ink is the page's own."""

MODEL, PLAIN, BAD = "#3a7fc4", "#8a8a8a", "#d1453b"
INK = "currentColor"
