"""Which networks are there: the paper's architectures and small ones, by name?"""

from earlylearn.networks.architecture import Architecture
from earlylearn.networks.architectures import NETWORKS, find_network, network_plugin
from earlylearn.networks.build import build_network, count_weights, default_network, default_precision
from earlylearn.networks.normalize import Normalize

__all__ = [
    "NETWORKS",
    "Architecture",
    "Normalize",
    "build_network",
    "count_weights",
    "default_network",
    "default_precision",
    "find_network",
    "network_plugin",
]
