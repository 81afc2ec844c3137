"""What a person runs through make."""

from tapeline.ending import begin_imports

begin_imports()
