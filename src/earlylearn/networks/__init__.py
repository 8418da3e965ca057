"""Which networks are there: the paper's architectures and small ones, by name?"""

from earlylearn.networks.build import NETWORKS, build_network, count_weights, default_network
from earlylearn.networks.normalize import Normalize

__all__ = ["NETWORKS", "Normalize", "build_network", "count_weights", "default_network"]
