"""The archive: Parquet files that hold the bodies of old records, so that history costs less room (bench/compaction.py).

Bodies move, rows stay. A record's row keeps its offset, stream, moment and digests in ``records`` for ever, so order, pages, repeats and
unchanged states are decided as before; where the body is empty, it is read from the file that holds it.
"""
