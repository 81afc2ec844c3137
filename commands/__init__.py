"""What a person runs through make."""

from tapeline.ending import leave_at_once_while_importing

leave_at_once_while_importing()
