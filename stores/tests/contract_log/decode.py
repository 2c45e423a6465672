"""Turns records of a topic into lines of JSON, knowing nothing but the .proto: decode.py PROTO MESSAGE <RECORDS

Each record comes after its length in four bytes, big-endian.
"""

import os
import struct
import sys
import tempfile

from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory
from grpc_tools import protoc


def message_class(proto, name):
    folder, file = os.path.split(os.path.abspath(proto))
    with tempfile.TemporaryDirectory() as scratch:
        made = os.path.join(scratch, "descriptors")
        if protoc.main(["protoc", f"-I{folder}", f"--descriptor_set_out={made}", file]) != 0:
            sys.exit(f"{proto} cannot be compiled")
        with open(made, "rb") as descriptors:
            files = descriptor_pb2.FileDescriptorSet.FromString(descriptors.read())
    pool = descriptor_pool.DescriptorPool()
    for described in files.file:
        pool.Add(described)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(name))


def records(source):
    while head := source.read(4):
        (length,) = struct.unpack(">i", head)
        yield source.read(length)


def main():
    proto, name = sys.argv[1:]
    message = message_class(proto, name)
    for record in records(sys.stdin.buffer):
        decoded = message.FromString(record)
        print(json_format.MessageToJson(decoded, preserving_proto_field_name=True, indent=None))


if __name__ == "__main__":
    main()
