"""What is said once of a model that is a network: what its stage trains, and what is loaded again."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tapeline.errors import ArtifactError
from tapeline.models.entry import ModelEntry
from tapeline.nets.params import TrainParams
from tapeline.params import Params, Section

if TYPE_CHECKING:  # only a training and a release need torch
    from tapeline.nets.models import Description
    from tapeline.nets.network import Network

Build = Callable[[int, Any, int], "Network"]  # number of features, architecture, sequence_length


@dataclass(frozen=True)
class NetworkEntry(ModelEntry):
    """One that is trained by gradient, in a stage of its own, train_NAME, and has weights.

    section : of params.yaml, which `read` reads into its architecture, of type `architecture`
    build : makes the network with fresh weights
    adapt : training params as this architecture needs them; ParamsError where it can't be trained so
    """

    section: str
    architecture: type[Section]
    read: Callable[[Params], Section]
    build: Build
    adapt: Callable[[TrainParams, Any], TrainParams]

    def build_described(self, description: "Description") -> "Network":
        """Make the network of a trained model with fresh weights."""
        if description.network != self.name:
            raise ArtifactError(f"a model of {description.network} is none of {self.name}")
        architecture = self.architecture(**description.architecture)
        length = description.context["sequence_length"]
        return self.build(len(description.features), architecture, length)
