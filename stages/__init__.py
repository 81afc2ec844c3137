"""What DVC runs: one thin script a stage."""

from tapeline.ending import leave_at_once_while_importing

leave_at_once_while_importing()
