"""The Pareto front: what no other beats in one of two figures without losing in the other."""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

T = TypeVar("T")


def pareto_front(items: Iterable[T], key: Callable[[T], tuple[Any, ...]]) -> list[T]:
    """The items on the front, by rising first figure; the second one falls along it.

    key: an item's two figures, of which less is better, such as (cost, error). Further members of
    the tuple, or else the order of the items, decide between equal ones: the first stays.
    """
    front: list[T] = []
    for item in sorted(items, key=key):
        if not front or key(item)[1] < key(front[-1])[1]:
            front.append(item)
    return front
