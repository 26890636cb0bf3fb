"""What a fault-injection run leaves behind in its servers."""

import asyncio
from collections import Counter
from collections.abc import Sequence

from tests.faults.cluster import Cluster
from tests.faults.processes import ResourceUsage
from tests.faults.tables import Violation

BASELINE_S = 20.0
MAX_GROWTH_BYTES = 64 * 2**20  # of a process: caches and buffers that the workload fills


async def find_leaks(cluster: Cluster, before: Sequence[ResourceUsage]) -> list[Violation]:
    """Without clients the servers use the resources that they used before the run."""
    clock = asyncio.get_running_loop().time
    until = clock() + BASELINE_S
    while True:
        after = await cluster.resource_usage()
        found = [v for pair in zip(before, after, strict=True) for v in _growth(*pair)]
        if open_ones := await cluster.transactions():
            found.append(Violation("left open", f"{open_ones} transactions"))
        if not found or clock() > until:
            return found
        await asyncio.sleep(0.5)


def _growth(before: ResourceUsage, after: ResourceUsage) -> list[Violation]:
    found = []
    if more := Counter(after.tasks) - Counter(before.tasks):
        found.append(Violation("leaked task", f"{dict(more)}"))
    if after.connections:
        found.append(Violation("leaked connection", f"{after.connections} in use"))
    if after.memory > before.memory + MAX_GROWTH_BYTES:
        grown = (after.memory - before.memory) >> 20
        found.append(Violation("leaked memory", f"{grown} MiB more than before"))
    return found
