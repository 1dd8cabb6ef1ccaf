"""The wire format: what goes in comes out, and bytes from an adversary can only be refused."""

import collections
import enum
import math
import socket
import struct
import threading
import time
import tracemalloc

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from autograder.sandbox import wire, wire_format, wire_reader
from autograder.sandbox.wire import Limits, Opaque, WireError, decode, encode

NUMBERS = [each for each in wire_format.NUMPY_DTYPES]
arrays = npst.arrays(
    st.sampled_from(NUMBERS).flatmap(lambda name: st.sampled_from([np.dtype(name), np.dtype(name).newbyteorder(">")])),
    npst.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4),
)
leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=-(2**4000), max_value=2**4000)
    | st.floats()
    | st.complex_numbers()
    | st.text(st.characters(), max_size=600)
    | st.binary(max_size=40)
    | arrays
)
values = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(st.text(max_size=5) | st.integers(), inner, max_size=4)
    ),
    max_leaves=12,
)


def same(a, b):
    """Equal type and bits, all the way down."""
    if type(a) is not type(b):
        return False
    if type(a) in (list, tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if type(a) is dict:
        return list(a) == list(b) and all(type(x) is type(y) for x, y in zip(a, b)) and all(same(a[k], b[k]) for k in a)
    if type(a) is float:
        return struct.pack(">d", a) == struct.pack(">d", b)
    if type(a) is complex:
        return same(a.real, b.real) and same(a.imag, b.imag)
    if type(a) is np.ndarray:
        return a.dtype.newbyteorder("=") == b.dtype and a.shape == b.shape and a.astype(b.dtype).tobytes() == b.tobytes()
    return a == b


@given(values)
def test_values_survive_exactly(value):
    assert same(value, decode(encode(value)))


@pytest.mark.parametrize("value", [math.nan, -math.nan, math.inf, -math.inf, -0.0, 5e-324])
def test_special_floats_keep_their_bits(value):
    back = decode(encode([value, np.float32(value), np.array([value]), torch.tensor([value])]))
    assert struct.pack(">d", back[0]) == struct.pack(">d", value)
    assert back[1].tobytes() == np.float32(value).tobytes()
    assert back[2].tobytes() == np.array([value]).tobytes()
    assert back[3].numpy().tobytes() == torch.tensor([value]).numpy().tobytes()


@pytest.mark.parametrize("name", wire_format.NUMPY_DTYPES)
def test_numpy_scalars_stay_numpy_scalars(name):
    value = np.dtype(name).type(1)
    back = decode(encode(value))
    assert type(back) is type(value) and back == value


@pytest.mark.parametrize("name", wire_format.TORCH_DTYPES)
@pytest.mark.parametrize("shape", [(), (0, 3), (2, 3)])
def test_tensors_survive(name, shape):
    value = torch.ones(shape, dtype=getattr(torch, name))
    back = decode(encode(value))
    assert type(back) is torch.Tensor and back.dtype == value.dtype and back.shape == value.shape
    assert torch.equal(back.reshape(-1).view(torch.uint8), value.reshape(-1).view(torch.uint8))


def test_views_of_tensors_arrive_as_what_they_show():
    base = torch.arange(6, dtype=torch.float32, requires_grad=True).reshape(2, 3)
    for view in (base.T, base[:, ::2], base.to(torch.complex64).conj(), torch.nn.Parameter(base.detach())):
        assert torch.equal(decode(encode(view)), view.detach())


def test_strided_and_fortran_arrays_arrive_in_c_order():
    base = np.arange(24).reshape(2, 3, 4)
    for view in (base.T, base[:, ::-1, ::2], np.asfortranarray(base)):
        back = decode(encode(view))
        assert np.array_equal(back, view) and back.flags.c_contiguous and back.flags.writeable


class LyingArray(np.ndarray):
    pass


def _never(*args, **kwargs):
    raise AssertionError("the value's own code was run")


def lying(plain, value):
    """A value of a subclass that says something else, or breaks, whatever it is asked."""
    own = dict.fromkeys(
        "eq ne lt bool len iter getitem contains int index float complex str bytes repr abs format reduce_ex sizeof".split(), _never
    )
    names = {f"__{name}__": function for name, function in own.items()} | dict.fromkeys(
        ["items", "keys", "values", "get", "encode", "hex"], _never
    )
    return type("Liar", (plain,), names | {"__hash__": plain.__hash__})(value)


Pair = collections.namedtuple("Pair", "scale zero_point")
Level = enum.IntEnum("Level", "LOW HIGH")


@pytest.mark.parametrize(
    "value", [3, 1 << 3000, 0.1, float("inf"), 2 - 1j, "text", "x" * 999, b"bytes", [1, "a"], (1, [2.5]), {"a": 1, 2: None}]
)
def test_a_lying_subclass_crosses_as_what_it_holds_and_none_of_its_code_runs(value):
    back = decode(encode([lying(type(value), value)]))[0]
    assert type(back) is type(value) and back == value


@pytest.mark.parametrize(
    "value, plain",
    [
        (Pair(0.5, 3), (0.5, 3)),
        (collections.OrderedDict(b=1, a=2), {"b": 1, "a": 2}),
        (collections.defaultdict(list, {1: [2]}), {1: [2]}),
        (collections.Counter("aab"), {"a": 2, "b": 1}),
        (np.str_("c"), "c"),
        (np.bytes_(b"c"), b"c"),
        (Level.HIGH, 2),
        (torch.Size([2, 3]), (2, 3)),
        ({np.int64(3): 1, np.str_("a"): 2}, {3: 1, "a": 2}),
        ([Pair([Pair(1, 2)], {})], [([(1, 2)], {})]),
    ],
)
def test_subclasses_of_plain_containers_and_scalars_cross_as_these(value, plain):
    back = decode(encode(value))
    assert type(back) is type(plain) and back == plain and repr(back) == repr(plain)


@pytest.mark.parametrize("value", [["a", "", "abc\u00e9"], [["a", "b"], ["c", "d"]], [], "alone", ["x" * 1000]])
def test_an_array_of_texts_crosses(value):
    for kind in (str, object):
        back = decode(encode(np.array(value, kind)))
        assert back.dtype.kind == "U" and back.tolist() == np.array(value).tolist() and back.shape == np.array(value).shape


def test_an_array_of_texts_takes_no_more_than_the_limit():
    """One long text makes every place of such an array as wide."""
    wide = np.array(["x" * 10_000] + [""] * 9_999, object)
    with pytest.raises(WireError, match="array of texts"):
        encode(wide)
    with pytest.raises(WireError, match="array of texts"):
        decode(packed(b'{"U":[[10000],"' + b"x" * 200 + b'"' + b',""' * 9_999 + b"]}"), Limits(bytes=1 << 20))
    for text in (b'{"U":[]}', b'{"U":[[2],"a"]}', b'{"U":[[1],1]}', b'{"U":[1]}', b'{"U":[[-1]]}', b'{"U":"a"}'):
        with pytest.raises(WireError):
            decode(packed(text))


@pytest.mark.parametrize(
    "value, name",
    [
        (np.zeros(2).view(LyingArray), "LyingArray"),
        (type("Odd", (np.float32,), {})(1), "Odd"),
        ({1, 2}, "set"),
        ({(1, 2): 3}, "dict"),
        ({True: 1}, "dict"),
        (np.array(["a", 1], object), "ndarray"),
        (np.array([None]), "ndarray"),
        (np.zeros(2, np.longdouble), "ndarray"),
        (torch.zeros(2).to_sparse(), "Tensor"),
        (torch.empty(2, device="meta"), "Tensor"),
        (len, "builtin_function_or_method"),
        (type("x" * 500, (), {})(), "x" * wire_format.TYPE_NAME_LENGTH),
        (Opaque("generator"), "generator"),
    ],
)
def test_everything_else_is_only_a_name(value, name):
    assert decode(encode([value])) == [Opaque(name)]


def test_encoding_refuses_what_is_over_a_limit():
    deep = []
    for _ in range(60):
        deep = [deep]
    endless = []
    endless.append(endless)
    for value in (deep, endless, 1 << 5000, [0] * 200_000):
        with pytest.raises(WireError):
            encode(value)
    with pytest.raises(WireError):
        encode(np.zeros(1000), Limits(bytes=100))


@pytest.mark.parametrize("changed", [{"bytes": 40}, {"nodes": 3}, {"depth": 1}, {"int_bits": 64}])
def test_decoding_refuses_what_is_over_a_limit(changed):
    message = encode([[1], [2 << 70], np.arange(3)])
    decode(message)
    with pytest.raises(WireError):
        decode(message, Limits(**changed))


def packed(text, rest=b""):
    return wire_format.HEADER.pack(wire_format.MAGIC, len(text)) + text + rest


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"W1",
        b"XX\0\0\0\0",
        packed(b"1")[:-1],
        packed(b""),
        packed(b"[" * 100_000),
        packed(b"[" * 40 + b"]" * 40 + b"]"),
        packed(b"1.5"),
        packed(b"NaN"),
        packed(b"-Infinity"),
        packed(b"9" * 10_000),
        packed(b'{"f":"zz"}'),
        packed(b'{"i":"0x' + b"f" * 2000 + b'"}'),
        packed(b'{"i":"0xg"}'),
        packed(b'{"q":1}'),
        packed(b'{"t":[],"d":[]}'),
        packed(b'{"t":3}'),
        packed(b'{"d":[[1]]}'),
        packed(b'{"d":[[[],1]]}'),
        packed(b'{"d":[["a",1],["a",2]]}'),
        packed(b'{"d":[[null,1]]}'),
        packed(b'{"b":5}', b"1234"),
        packed(b'{"b":-1}', b"1234"),
        packed(b'{"b":true}', b"1"),
        packed(b'{"b":3}', b"1234"),
        packed(b'{"u":1}', b"\xff"),
        packed(b'{"a":["float32",[2]]}', b"1234567"),
        packed(b'{"a":["object",[1]]}', b"12345678"),
        packed(b'{"a":["<f4",[1]]}', b"1234"),
        packed(b'{"a":["bool",[1]]}', b"\x02"),
        packed(b'{"T":["bool",[1]]}', b"\x02"),
        packed(b'{"a":["float32",[-1]]}'),
        packed(b'{"a":["float32",[0,99999999999999999]]}'),
        packed(b'{"a":["float32",[0,1125899906842624,1125899906842624]]}'),
        packed(b'{"a":["float32",[281474976710655,281474976710655,281474976710655,0]]}'),
        packed(b'{"T":["float32",[281474976710655,281474976710655,281474976710655,0]]}'),
        packed(b'{"a":["float32",[281474976710655]]}', b"1234"),
        packed(b'{"a":["float32",[' + b"0," * 40 + b"0]]}"),
        packed(b'{"s":["float32"]}', b"1234"),
        packed(b'{"T":["qint8",[1]]}', b"1"),
        packed(b'{"o":3}'),
        packed("é".encode()),
    ],
)
def test_malformed_messages_are_refused(message):
    with pytest.raises(WireError):
        decode(message)


def refuse_or_read(data):
    try:
        decode(data, Limits(bytes=1 << 16, nodes=500))
    except WireError:
        pass


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data):
    refuse_or_read(data)
    refuse_or_read(packed(data))


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["float32", "bool", "0x3", "ff" * 8]) | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from([*wire_reader._Reader.TAGS, "zz"]), inner, min_size=1, max_size=2)
    ),
    max_leaves=20,
)


@given(json_like, st.binary(max_size=64))
def test_any_structure_is_read_or_refused(tree, rest):
    import json

    refuse_or_read(packed(json.dumps(tree).encode(), rest))


@settings(max_examples=300)
@given(values, st.data())
def test_damaged_messages_are_read_or_refused(value, data):
    message = bytearray(encode(value))
    for _ in range(data.draw(st.integers(1, 4))):
        position = data.draw(st.integers(0, len(message) - 1))
        how = data.draw(st.sampled_from("change cut double".split()))
        if how == "change":
            message[position] = data.draw(st.integers(0, 255))
        elif how == "cut":
            del message[position : position + data.draw(st.integers(1, 8))]
        else:
            message[position:position] = message[position : position + 8]
        if not message:
            break
    refuse_or_read(bytes(message))


@pytest.mark.parametrize(
    "message",
    [
        packed(b"[" + b"[]," * 300_000 + b"[]]"),
        packed(b"[" + b'{"f":"0000000000000000"},' * 200_000 + b"1]"),
        packed(b'{"a":["float64",[100000,100000,100]]}', b"12345678"),
        packed(b"[" * 500_000),
        packed(b"[" + b"1111111111," * 500_000 + b"1]"),
    ],
    ids=["lists", "floats", "array", "depth", "ints"],
)
def test_a_hostile_message_cannot_make_the_reader_take_memory(message):
    limits = Limits(bytes=16 << 20, nodes=10_000)
    tracemalloc.start()
    try:
        with pytest.raises(WireError):
            decode(message, limits)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < len(message) + 200 * limits.nodes * wire_reader.MARKS_PER_NODE


def test_sockets_carry_values():
    ours, theirs = socket.socketpair()
    value = [1, np.arange(200_000.0), "text"]
    with ours, theirs:
        writer = threading.Thread(target=wire.send, args=(theirs, value))
        writer.start()
        assert same(wire.recv(ours, deadline=time.monotonic() + 20), value)
        writer.join()


def test_an_announced_size_over_the_limit_is_refused_before_it_is_read():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(wire.FRAME.pack(1 << 62))
        with pytest.raises(WireError):
            wire.recv(ours, deadline=time.monotonic() + 20)


def test_an_announced_size_is_not_allocated_before_it_arrives():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(wire.FRAME.pack(60 << 20) + b"x")
        tracemalloc.start()
        try:
            with pytest.raises(TimeoutError):
                wire.recv(ours, deadline=time.monotonic() + 0.05)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < 4 << 20


def test_reading_ends_at_the_deadline_and_at_the_end_of_the_stream():
    ours, theirs = socket.socketpair()
    with ours:
        with pytest.raises(TimeoutError):
            wire.recv(ours, deadline=time.monotonic() - 1)
        theirs.sendall(b"\0")
        theirs.close()
        with pytest.raises(EOFError):
            wire.recv(ours, deadline=time.monotonic() + 20)


def test_writing_ends_at_the_deadline_when_nobody_reads():
    ours, theirs = socket.socketpair()
    with ours, theirs, pytest.raises(TimeoutError):
        wire.send(ours, bytes(20 << 20), deadline=time.monotonic() + 0.1)


def test_empty_tensors_of_any_strides_cross():
    for tensor in (
        torch.from_numpy(np.array([])),
        torch.zeros(1).expand(0, 1),
        torch.zeros(3, 0, dtype=torch.bfloat16).T,
        torch.zeros(5)[:0],
    ):
        back = decode(encode(tensor))
        assert back.shape == tensor.shape and back.dtype == tensor.dtype
