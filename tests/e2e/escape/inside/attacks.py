"""All attacks by name, in the order in which they are tried."""

from . import devices, files, ipc, leftovers, namespaces, output, processes, records, tools
from .orders import REGISTRY, Attack

MODULES = (files, processes, ipc, devices, namespaces, tools, records, output, leftovers)
ATTACKS: dict[str, Attack] = {
    name: function
    for module in MODULES
    for name, function in REGISTRY.items()
    if function.__module__ == module.__name__
}
