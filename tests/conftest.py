"""Settings of all tests."""

import signal

from hypothesis import settings

# A shell's background job ignores Ctrl-C and so do its children, which tests are to interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)

# The first example of a property may compile a kernel; a deadline would blame the machine.
settings.register_profile("tapeline", settings.default, deadline=None)
settings.load_profile("tapeline")
