"""Arrays are given again only when nobody holds them."""

from __future__ import annotations

import numpy as np

from mindleaf.store.rooms import Rooms

SHAPE = (600, 600)


def place(array: np.ndarray) -> int:
    return array.__array_interface__["data"][0]


def test_an_array_that_is_held_is_not_given_again():
    rooms = Rooms()
    first, second = rooms.room(SHAPE), rooms.room(SHAPE)
    assert place(first) != place(second)
    part = first[3:5]
    del first
    assert place(rooms.room(SHAPE)) not in (place(part), place(second))


def test_an_array_is_given_again_when_its_last_holder_is_gone():
    rooms = Rooms()
    first = rooms.room(SHAPE)
    was = place(first)
    del first
    assert place(rooms.room(SHAPE)) == was


def test_a_tensor_over_the_memory_holds_it():
    import torch

    rooms = Rooms()
    tensor = torch.from_numpy(rooms.room(SHAPE))
    assert place(rooms.room(SHAPE)) != tensor.data_ptr()


def test_arrays_of_other_shapes_push_old_ones_out():
    rooms = Rooms()
    for n in range(20):
        assert rooms.room((600 + n, 600)).shape == (600 + n, 600)
    assert len(rooms._rooms) <= 4
