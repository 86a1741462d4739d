"""The process that reads SQL: questions come in on stdin, answers go out on stdout, until stdin ends.

Statements are written by others. In a process of its own one can be given a time and an amount of memory, whatever it does to the parser.
"""

from __future__ import annotations

import gc
import logging
import struct
import sys
import threading
from typing import BinaryIO

import msgspec

from factbook.lineage.sql.model import Answer, Question, Read, Refused

LENGTH = struct.Struct("!I")
"""Messages are MessagePack behind their length."""

_MEMORY_BYTES = 2 << 30
_STACK_BYTES = 256 << 20
_MAX_DEPTH = 30_000


def serve(questions: BinaryIO, answers: BinaryIO) -> None:
    """Answer until there are no more questions."""
    from factbook.lineage.sql.extracting import Reading

    reading = Reading()
    decode = msgspec.msgpack.Decoder(Question)
    encode = msgspec.msgpack.Encoder()
    while head := questions.read(LENGTH.size):
        question = decode.decode(questions.read(LENGTH.unpack(head)[0]))
        answer = _answered(reading, question)
        try:
            body = encode.encode(answer)
        except (UnicodeEncodeError, ValueError):
            body = encode.encode(Refused("it holds what is no text"))
        answers.write(LENGTH.pack(len(body)) + body)
        answers.flush()


def _answered(reading: object, question: Question) -> Answer:
    from factbook.lineage.sql.extracting import Reading

    assert isinstance(reading, Reading)  # noqa: S101 - for the type checker
    try:
        return reading.read(question) if isinstance(question, Read) else reading.trace(question)
    except MemoryError:
        return Refused("it takes too much memory")
    except Exception as error:  # noqa: BLE001 - whatever a parser stumbles over is said of the statement, and the next one is read
        return Refused(f"the parser failed with {type(error).__name__}")


def _limit_memory() -> None:
    """Where the system can: a statement that grows without end fails by itself and takes nothing with it."""
    try:
        import resource
    except ImportError:
        return
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES if hard == resource.RLIM_INFINITY else min(_MEMORY_BYTES, hard), hard))


def main() -> None:
    """Run in a thread of its own, whose stack is large enough for what is nested deep."""
    logging.disable(logging.CRITICAL)
    _limit_memory()
    # Trees are large, and most live as long as the statement: looking for cycles in them all the time costs a fifth of it.
    gc.set_threshold(100_000, 20, 20)
    sys.setrecursionlimit(_MAX_DEPTH)
    threading.stack_size(_STACK_BYTES)
    # What a library prints must not come between the answers.
    answers, sys.stdout = sys.stdout.buffer, sys.stderr
    thread = threading.Thread(target=serve, args=(sys.stdin.buffer, answers))
    thread.start()
    thread.join()
