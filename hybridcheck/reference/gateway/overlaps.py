"""What happens where requests for one dataset overlap: nothing, unless a switch is on."""

import asyncio
from collections import defaultdict
from typing import Any

from hybridcheck.reference.defects import Switches
from hybridcheck.reference.gateway.store import Dataset, Store
from hybridcheck.reference.web import Problem

OVERLAP_S = 0.02
GIVE_UP_S = 6.0
"""After so long a deadlock is dissolved by a 503, so that the system can be stopped in order."""


class Overlaps:
    """Reads and changes of a dataset, with an await in the middle where a switch puts one."""

    def __init__(self, defects: Switches) -> None:
        """The locks of `counter-deadlock`: two for each dataset."""
        self._defects = defects
        self._locks: defaultdict[tuple[str, str], asyncio.Lock] = defaultdict(asyncio.Lock)

    async def reading(self, dataset: Dataset) -> None:
        """Called before a dataset is shown."""
        if self._defects.on("counter-deadlock"):
            await self._with_both(dataset.id, "row", "journal")

    async def replaced(self, store: Store, dataset: Dataset, content: dict[str, Any]) -> Dataset | None:
        """The dataset with its new content, one revision on; None if it is gone."""
        if self._defects.on("counter-deadlock"):
            await self._with_both(dataset.id, "journal", "row")
        if not self._defects.on("counter-lost-updates"):
            return store.replace_dataset(dataset.id, content)
        await asyncio.sleep(OVERLAP_S)
        store.replace_dataset(dataset.id, content)
        return store.set_revision(dataset.id, dataset.revision + 1)

    async def _with_both(self, dataset_id: str, first: str, second: str) -> None:
        try:
            async with asyncio.timeout(GIVE_UP_S), self._locks[dataset_id, first]:
                await asyncio.sleep(OVERLAP_S)
                async with self._locks[dataset_id, second]:
                    return
        except TimeoutError as error:
            raise Problem(503, "the dataset is in use", ((b"retry-after", b"5"),)) from error
