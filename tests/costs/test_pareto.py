from fbnet.costs.pareto import pareto_front


def test_the_front_is_what_none_beats() -> None:
    points = [(3, 0.1), (1, 0.5), (2, 0.3), (2, 0.4), (3, 0.3), (4, 0.1), (1, 0.5)]
    assert pareto_front(points, key=lambda point: point) == [(1, 0.5), (2, 0.3), (3, 0.1)]
    assert pareto_front([], key=lambda point: point) == []


def test_the_first_of_equal_ones_stays() -> None:
    items = [{"name": "b", "cost": 1, "error": 2}, {"name": "a", "cost": 1, "error": 2}]

    def first(key):
        (item,) = pareto_front(items, key)
        return item["name"]

    assert first(lambda item: (item["cost"], item["error"])) == "b"
    assert first(lambda item: (item["cost"], item["error"], item["name"])) == "a"
