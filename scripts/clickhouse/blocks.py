"""ClickHouse's own compression of bodies: blocks of a checksum, a method, two sizes and the packed bytes."""

import struct

import lz4.block
from clickhouse_cityhash.cityhash import CityHash128

CHECKSUM_BYTES = 16
HEADER = struct.Struct("<BII")  # method, packed size with this header, unpacked size
LZ4 = 0x82
NONE = 0x02
MAX_BLOCK_BYTES = 1 << 30
REPLY_BLOCK_BYTES = 1 << 20


class BadBlock(ValueError):
    """The body is not a row of whole blocks."""


def checksum(packed):
    # The hash comes as one number whose halves stand the other way round on the wire.
    whole = CityHash128(packed)
    return struct.pack("<QQ", whole >> 64 & 0xFFFFFFFFFFFFFFFF, whole & 0xFFFFFFFFFFFFFFFF)


def unpack(body):
    view = memoryview(body)
    parts = []
    while view:
        part, view = _unpack_first(view)
        parts.append(part)
    return b"".join(parts)


def _unpack_first(view):
    if len(view) < CHECKSUM_BYTES + HEADER.size:
        raise BadBlock("a block is cut off before its sizes")
    method, packed_size, size = HEADER.unpack_from(view, CHECKSUM_BYTES)
    end = CHECKSUM_BYTES + packed_size
    if packed_size < HEADER.size or max(packed_size, size) > MAX_BLOCK_BYTES or end > len(view):
        raise BadBlock("a block's sizes are not its own")
    packed = bytes(view[CHECKSUM_BYTES:end])
    if checksum(packed) != view[:CHECKSUM_BYTES]:
        raise BadBlock("a block's checksum doesn't match")
    content = packed[HEADER.size :]
    if method == LZ4:
        try:
            content = lz4.block.decompress(content, uncompressed_size=size)
        except lz4.block.LZ4BlockError as error:
            raise BadBlock(str(error)) from error
    elif method != NONE:
        raise BadBlock(f"unknown method of compression {method:#x}")
    if len(content) != size:
        raise BadBlock("a block has another size than it says")
    return content, view[end:]


def pack(content):
    starts = range(0, len(content), REPLY_BLOCK_BYTES)
    return b"".join(_pack_one(content[start : start + REPLY_BLOCK_BYTES]) for start in starts)


def _pack_one(content):
    packed = lz4.block.compress(content, store_size=False)
    packed = HEADER.pack(LZ4, HEADER.size + len(packed), len(content)) + packed
    return checksum(packed) + packed
