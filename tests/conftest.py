"""Settings of all tests."""

from hypothesis import settings

# The first example of a property may compile a kernel; a deadline would blame the machine.
settings.register_profile("tapeline", settings.default, deadline=None)
settings.load_profile("tapeline")
