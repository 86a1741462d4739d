"""A process that stores events for ever, one by one from two threads and in bulks, and says which ones were acknowledged."""

import sys
import threading
import warnings
from itertools import count

from tests.repository.stores import ADMISSION

from factbook.repository.files.folder import Folder
from factbook.repository.files.log import Log
from factbook.repository.files.store import FilesRepository
from factbook_sdk.testing.records import event

_saying = threading.Lock()


def say(*results):
    with _saying:
        sys.stdout.write("".join(f"{result.offset} {result.id}\n" for result in results))
        sys.stdout.flush()


def main(folder, first):
    repository = FilesRepository(Folder(folder), ADMISSION, log=Log(Folder(folder), segment_bytes=40_000))
    repository.open()

    def one_by_one(start):
        for number in count(start, 3):
            say(repository.store(event(number)))

    def in_bulks(start):
        for number in count(start, 3 * 40):
            say(*repository.bulk_store([event(number + 3 * place) for place in range(40)], atomic=True).results)

    threads = [threading.Thread(target=one_by_one, args=(first + place,)) for place in (0, 1)]
    for thread in (*threads, threading.Thread(target=in_bulks, args=(first + 2,))):
        thread.start()


if __name__ == "__main__":
    from pathlib import Path

    warnings.simplefilter("error")
    main(Path(sys.argv[1]), int(sys.argv[2]))
