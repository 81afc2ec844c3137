"""Purged, embargoed walk-forward."""
