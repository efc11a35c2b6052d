"""Items by keys that may change, the lowest first. Pure data."""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from typing import Generic, TypeVar

Item = TypeVar("Item")
Key = TypeVar("Key")


class KeyedHeap(Generic[Item, Key]):
    """Finds the item with the lowest key, of equal ones the one that was placed first. Amortised O(log n).

    When an item's key changes, its old entry stays in the heap and is skipped when it reaches the top. The heap is
    rebuilt before such entries outnumber the items.
    """

    __slots__ = ("_heap", "_keys", "_placed")

    def __init__(self) -> None:
        self._heap: list[tuple[Key, int, Item]] = []  # the numbers keep items from being compared
        self._keys: dict[Item, Key] = {}
        self._placed = 0

    def __len__(self) -> int:
        return len(self._keys)

    def place(self, item: Item, key: Key) -> None:
        """Set the key of an item, new or not."""
        keys = self._keys
        if keys.get(item) == key:
            return
        keys[item] = key
        heap = self._heap
        if len(heap) > 2 * len(keys) + 16:
            heap[:] = [(key, number, item) for number, (item, key) in enumerate(keys.items())]
            self._placed = len(keys)
            heapify(heap)
        else:
            self._placed += 1
            heappush(heap, (key, self._placed, item))

    def drop(self, item: Item) -> None:
        """Remove an item, if it is there."""
        if self._keys.pop(item, None) is not None and not self._keys:
            self._heap.clear()

    def first(self) -> Item | None:
        """The item with the lowest key."""
        heap, keys = self._heap, self._keys
        while heap:
            key, _, item = heap[0]
            if keys.get(item) is key:
                return item
            heappop(heap)
        return None

    def key(self, item: Item) -> Key:
        """The key of an item that is there."""
        return self._keys[item]
